from __future__ import annotations

import time

import pytest

from modality_translate.recipe import Optimiser, Training
from modality_translate.training.schedule import Clock, rate_factor


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [("constant", (1, 1, 1, 1)), ("linear", (1, 1, 0.5, 0)), ("cosine", (1, 0.5, 0.146447, 0))],
)
def test_the_rate_over_a_training(schedule: str, factors: tuple[float, ...]):
    optimiser = Optimiser(schedule=schedule)
    found = [rate_factor(100, progress, optimiser) for progress in (0, 0.5, 0.75, 1)]
    assert found == pytest.approx(factors, abs=1e-6)


def test_a_warm_up_rises_over_steps():
    optimiser = Optimiser(schedule="constant", warmup=4)
    assert [rate_factor(step, 0, optimiser) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]


def test_the_clock_takes_whichever_ends_first():
    assert Clock(Training(steps=10)).progress(5) == 0.5
    assert Clock(Training(steps=10, minutes=1), elapsed=45).progress(5) == pytest.approx(0.75, abs=0.01)


def test_time_goes_on_after_a_resume():
    clock = Clock(Training(steps=10, minutes=1), elapsed=30)
    time.sleep(0.01)
    assert clock.elapsed == 30, "the time is that of the last tick"
    clock.tick()
    assert 30 < clock.elapsed < 90


def test_processes_go_by_the_clock_of_the_first():
    clock = Clock(Training(steps=10, minutes=1), agree=lambda seconds: 15.0)
    clock.tick()
    assert clock.progress(0) == 0.25
