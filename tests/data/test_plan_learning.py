from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from modality_translate.data.decision import Decision
from modality_translate.data.fingerprint import Fingerprint
from modality_translate.data.machine import GIB, Machine
from modality_translate.data.plan_learning import (
    choose_augmentation,
    choose_batch,
    choose_critic,
    choose_levels,
    choose_network,
    choose_precision,
    choose_scaling,
    choose_steps,
    step_seconds,
)

CPU, GPU = Machine("cpu", 16 * GIB, bf16=False), Machine("cuda", 24 * GIB, bf16=True)
Of = Callable[..., Fingerprint]


def named(decisions: list[Decision]) -> dict[str, Any]:
    return {decision.field: decision.value for decision in decisions}


def test_numbers_are_scaled_by_modality(of: Of):
    found = of(modality="PET", percentiles=(0.1, 1.0, 44.2))
    assert choose_scaling(found, "source", paired=True).value == {"kind": "asinh", "knee": 1.0, "hi": 45.0}
    assert choose_scaling(of(), "source", paired=True).value["kind"] == "percentile"
    assert choose_scaling(of(), "target", paired=True).value["hi"] == 3071.0
    assert choose_scaling(of(), "target", paired=False).value["hi"] == 1000.0


def test_few_pairs_get_a_smaller_network_and_stronger_augmentation(of: Of):
    few, many = of(pairs=4), of(pairs=20)
    small, large = (named(choose_network(found, CPU, 2, paired=True)) for found in (few, many))
    assert (small["generator.width"], large["generator.width"]) == (16, 24)
    strong, usual = (named(choose_augmentation(found, paired=True)) for found in (few, many))
    assert strong["augmentation.rotate"] > usual["augmentation.rotate"] == 10.0
    assert strong["augmentation.mr_gamma"] > usual["augmentation.mr_gamma"] == 0.2


def test_a_gpu_gets_a_larger_network(of: Of):
    widths = [named(choose_network(of(pairs=20), m, 2, paired=True))["generator.width"] for m in (CPU, GPU)]
    assert widths[0] < widths[1]


def test_contrast_is_changed_for_mr_sources_only(of: Of):
    changed = named(choose_augmentation(of(modality="CT"), paired=True))
    assert not any("mr_" in field for field in changed)


@pytest.mark.parametrize(("patch", "levels"), [((96, 80), 4), ((32, 32), 4), ((16, 16), 3), ((40, 44), 3), ((5, 5), 1)])
def test_levels_halve_the_patch_without_remainder(patch: tuple[int, int], levels: int):
    assert choose_levels(CPU, patch).value == levels


@pytest.mark.parametrize(("patch", "layers"), [((16, 16), 2), ((32, 16), 2), ((24, 24), None), ((96, 80), None)])
def test_small_patches_get_a_smaller_critic(patch: tuple[int, int], layers: int | None):
    assert [decision.value for decision in choose_critic(patch)] == ([layers] if layers else [])


def test_a_batch_shrinks_to_fit_into_memory():
    small = Machine("cpu", 0.25 * GIB, bf16=False)
    assert choose_batch(CPU, (96, 96), 5, 24, paired=True).value == 8
    assert 1 <= choose_batch(small, (96, 96), 5, 24, paired=True).value < 8
    assert choose_batch(Machine("cuda", GIB, True), (128, 128, 128), 1, 64, paired=True).value == 1


def test_bf16_only_where_the_device_computes_in_it():
    assert choose_precision(CPU, paired=True).value == "32"
    assert choose_precision(Machine("cpu", GIB, bf16=True), paired=True).value == "bf16"
    assert choose_precision(GPU, paired=True).value == "bf16"


def test_steps_grow_with_the_cases_between_limits():
    def steps(machine: Machine, cases: int) -> int:
        return choose_steps(machine, cases, 40.0, 8, seconds=0.1).value

    assert steps(CPU, 1) == 1500
    assert 1500 < steps(CPU, 10) < steps(CPU, 15) < 10000
    assert steps(GPU, 10) > steps(CPU, 10)
    assert steps(GPU, 10**6) == 50000


def test_a_cpu_is_given_no_more_steps_than_it_does_in_forty_minutes():
    seconds = step_seconds(CPU, 8 * 128 * 128, 96, "32", paired=True)
    decision = choose_steps(CPU, 100, 40.0, 8, seconds)
    assert step_seconds(CPU, 8 * 128 * 128, 96, "bf16", paired=True) < seconds
    assert decision.value == pytest.approx(40 * 60 / seconds, abs=50)
    assert re.search("about (39|40) min on this machine", decision.reason)


def test_a_faster_processor_takes_less_time():
    twice = replace(CPU, speed=2 * CPU.speed)
    slow, fast = (step_seconds(machine, 8 * 96 * 96, 24, "32", paired=True) for machine in (CPU, twice))
    assert slow == pytest.approx(2 * fast)
