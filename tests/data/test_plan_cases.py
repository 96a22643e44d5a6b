from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modality_translate.data.decision import Decision
from modality_translate.data.fingerprint import Alignment, Fingerprint
from modality_translate.data.plan_cases import choose_objective, choose_registration, choose_split, warnings

Of = Callable[..., Fingerprint]


def named(decisions: list[Decision]) -> dict[str, Any]:
    return {decision.field: decision.value for decision in decisions}


def apart(millimetres: float) -> Alignment:
    return Alignment(millimetres, 2 * millimetres, 0.7, 12)


@pytest.mark.parametrize(
    ("changes", "paired", "kind", "reason"),
    [
        ({"alignment": apart(1.0)}, True, "hybrid", "1.0 mm apart (median of 12): compared voxel by voxel"),
        ({"alignment": apart(4.0)}, True, "hybrid", "4.0 mm apart"),
        ({}, True, "hybrid", "too little structure"),
        ({"alignment": apart(4.0), "modality": "PET"}, True, "hybrid", "PET"),
        ({}, False, "cyclegan", "different patients"),
    ],
)
def test_the_objective_follows_from_how_pairs_lie(of: Of, changes, paired: bool, kind: str, reason: str):
    decision = choose_objective(of(**changes), paired=paired)
    assert decision.value == kind
    assert reason in decision.reason


@pytest.mark.parametrize(
    ("changes", "objective", "paired", "wanted"),
    [
        ({"alignment": apart(1.0)}, "hybrid", True, {}),
        ({"alignment": apart(2.5)}, "hybrid", True, {"data.registration": "elastic"}),
        ({"alignment": apart(4.0), "modality": "PET"}, "hybrid", True, {}),
        ({"alignment": apart(4.0)}, "cyclegan", False, {}),
        ({}, "hybrid", True, {}),
        ({"alignment": apart(1.0)}, "reggan", True, {"data.registration": "elastic"}),
        ({"modality": "PET"}, "reggan", True, {}),
    ],
)
def test_pairs_that_lie_measurably_apart_or_are_for_reggan_are_registered(
    of: Of, changes, objective: str, paired: bool, wanted: dict[str, str]
):
    assert named(choose_registration(of(**changes), objective, paired=paired)) == wanted


def test_a_fifth_of_the_patients_is_held_out_where_there_are_five():
    split = named(choose_split(tuple(f"p{i}" for i in range(10))))
    assert split == {"data.held_out": ["p4", "p9"], "data.validation": 1}
    assert named(choose_split(("a", "b", "c"))) == {"data.held_out": [], "data.validation": 1}
    assert named(choose_split(("a", "b"))) == {"data.held_out": [], "data.validation": 0}


def test_visits_of_a_patient_are_held_out_together():
    names = tuple(f"p{i}/day{day}" for i in range(5) for day in (1, 2))
    assert named(choose_split(names))["data.held_out"] == ["p4/day1", "p4/day2"]


def test_pairs_that_do_not_match_are_warned_of(of: Of):
    found = of(alignment=Alignment(8.0, 11.0, 0.4, 9))
    said = " ".join(warnings(found, paired=True))
    assert "are these the same patients?" in said
    assert "too far for a registration to be sure" in said


def test_few_pairs_are_warned_of(of: Of):
    assert any("4 pairs, which is few" in warning for warning in warnings(of(pairs=4), paired=True))
    assert warnings(of(pairs=20), paired=True) == []
