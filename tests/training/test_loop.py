from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from modality_translate.errors import RunError
from modality_translate.objectives import OBJECTIVES
from modality_translate.recipe import Recipe
from modality_translate.training.checkpoint import load_state
from modality_translate.training.loop import train
from modality_translate.training.reporter import Silent
from modality_translate.training.session import Job, Session

pytestmark = pytest.mark.usefixtures("no_pictures")


class StopAt(Silent):
    """Says stop once a step is logged."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.reached = False

    def logged(self, status: Any) -> None:
        self.reached = status.step >= self.step

    def __call__(self) -> bool:
        return self.reached


def tensors_of(state: Any, name: str = "state") -> dict[str, Any]:
    if isinstance(state, dict):
        state = list(state.items())
    if isinstance(state, (list, tuple)):
        return {key: value for i, item in enumerate(state) for key, value in tensors_of(item, f"{name}/{i}").items()}
    return {name: state}


def assert_same_end(whole: Job, other: Job) -> None:
    """Both runs keep the same to the bit, but for the time they took."""
    states = [load_state(job.run.states)[0] for job in (whole, other)]
    for state in states:
        del state["elapsed"]
    first, second = (tensors_of(state) for state in states)
    assert first.keys() == second.keys()
    for name, value in first.items():
        equal = torch.equal(value, second[name]) if isinstance(value, torch.Tensor) else value == second[name]
        assert equal, name
    for direction in whole.run.directions():
        ones, others = whole.run.weights(direction), other.run.weights(direction)
        assert all(torch.equal(ones[name], others[name]) for name in ones)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("kind", sorted(OBJECTIVES))
def test_a_resumed_training_equals_one_that_never_stopped(
    kind: str, accumulate: int, recipe_of: Callable[..., Recipe], job_of: Any
):
    recipe = recipe_of(kind, training={"steps": 6, "ema": 0.9, "accumulate": accumulate, "validate_every": 6})
    whole = job_of(recipe)
    assert train(Session(whole))

    halt = StopAt(3)
    halved = job_of(recipe, halt)
    assert not train(Session(halved), stop=halt)
    torch.rand(7)  # the process may have drawn numbers in between
    again = job_of(recipe, run=halved.run.path)
    assert train(Session(again, resume=True))
    assert_same_end(whole, halved)


def test_a_damaged_newest_state_is_said_and_the_one_before_leads_to_the_same_end(
    recipe_of: Callable[..., Recipe], job_of: Any
):
    recipe = recipe_of(training={"steps": 6, "validate_every": 6})
    whole = job_of(recipe)
    train(Session(whole))
    halt = StopAt(5)
    halved = job_of(recipe, halt)
    train(Session(halved), stop=halt)
    newest = halved.run.states / "step-00000005.safetensors"
    newest.write_bytes(newest.read_bytes()[:-9])
    told: list[str] = []
    reporter = Silent()
    reporter.say = told.append  # type: ignore[method-assign]
    session = Session(job_of(recipe, reporter, run=halved.run.path), resume=True)
    assert session.state.step == 4
    assert any(line.startswith("step-00000005.safetensors is damaged") for line in told)
    train(session)
    assert_same_end(whole, halved)


def test_a_finished_training_is_left_alone(recipe_of: Callable[..., Recipe], job_of: Callable[..., Job]):
    job = job_of(recipe_of(training={"steps": 2}))
    train(Session(job))
    before = job.run.metrics_file.read_bytes()
    session = Session(job, resume=True)
    assert session.state.finished
    assert train(session)
    assert job.run.metrics_file.read_bytes() == before


def test_more_steps_go_on_from_the_last(recipe_of: Callable[..., Recipe], job_of: Callable[..., Job]):
    job = job_of(recipe_of(training={"steps": 2}))
    train(Session(job))
    longer = job_of(recipe_of(training={"steps": 4}), run=job.run.path)
    train(Session(longer, resume=True))
    assert [row["step"] for row in longer.run.metrics()] == [1, 2, 3, 4]


def test_minutes_end_a_training(recipe_of: Callable[..., Recipe], job_of: Callable[..., Job]):
    job = job_of(recipe_of(training={"steps": 10**6, "minutes": 0.01, "validate_every": 10**6}))
    assert train(Session(job))
    assert 0 < job.run.metrics()[-1]["step"] < 1000
    assert job.run.weights()


def test_losses_that_stay_nan_end_the_training_and_spare_the_last_state(
    recipe_of: Callable[..., Recipe], job_of: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
):
    job = job_of(recipe_of(training={"steps": 9}))
    session = Session(job)
    step = session.state.objective.step

    def breaks(batch: Any, progress: float) -> dict[str, float]:
        losses = step(batch, progress)
        return losses if session.state.step < 2 else {**losses, "l1": float("nan")}

    monkeypatch.setattr(session.state.objective, "step", breaks)
    with pytest.raises(RunError, match=r"step 5: l1 NaN or infinite, 3 times in a row; the last batch showed [abce]"):
        train(session)
    assert load_state(job.run.states)[0]["step"] == 2
    assert all(value.isfinite().all() for value in job.run.weights().values())


def test_one_bad_step_is_passed_over(
    recipe_of: Callable[..., Recipe], job_of: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
):
    job = job_of(recipe_of(training={"steps": 4}))
    session = Session(job)
    step = session.state.objective.step

    def breaks(batch: Any, progress: float) -> dict[str, float]:
        return {**step(batch, progress), **({"l1": float("inf")} if session.state.step == 2 else {})}

    monkeypatch.setattr(session.state.objective, "step", breaks)
    assert train(session)
    assert [row["step"] for row in job.run.metrics()] == [1, 2, 4]


def test_a_bad_last_step_still_ends_in_a_score_and_a_state(
    recipe_of: Callable[..., Recipe], job_of: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
):
    job = job_of(recipe_of(training={"steps": 3}))
    session = Session(job)
    step = session.state.objective.step

    def breaks(batch: Any, progress: float) -> dict[str, float]:
        return {**step(batch, progress), **({"l1": float("nan")} if session.state.step == 2 else {})}

    monkeypatch.setattr(session.state.objective, "step", breaks)
    assert train(session)
    assert "validation.mae" in job.run.metrics()[-1]
    assert load_state(job.run.states)[0]["step"] == 3


def test_weights_that_are_no_numbers_end_the_training_at_once(
    recipe_of: Callable[..., Recipe], job_of: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
):
    session = Session(job_of(recipe_of()))
    step = session.state.objective.step

    def spoils(batch: Any, progress: float) -> dict[str, float]:
        losses = step(batch, progress)
        next(session.state.objective.generator.buffers()).fill_(float("nan"))
        return losses

    monkeypatch.setattr(session.state.objective, "step", spoils)
    with pytest.raises(RunError, match=r"step 1: weights \(forward\) NaN or infinite; the last batch showed [abce]"):
        train(session)


def test_other_volumes_than_at_the_start_are_refused(recipe_of: Callable[..., Recipe], job_of: Callable[..., Job]):
    halt = StopAt(2)
    job = job_of(recipe_of(), halt)
    train(Session(job), stop=halt)
    other = job_of(recipe_of(data={"held_out": ["a"]}), run=job.run.path)
    with pytest.raises(RunError, match="not those it was started with"):
        Session(other, resume=True)
