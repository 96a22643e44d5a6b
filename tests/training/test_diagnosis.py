"""Each rule on a curve that shows it, and on one that does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest

from modality_translate.recipe import Recipe
from modality_translate.training.diagnosis import diagnose, write_diagnosis
from modality_translate.training.history import Row

ROWS = 100
Values = np.ndarray | float
NOISE = np.random.default_rng(0).normal(size=ROWS)
TIME = np.linspace(0, 1, ROWS)
FALLING = 0.5 * np.exp(-3 * TIME) + 0.02
BALANCED = {
    "l1": FALLING,
    "adversarial": 0.4 + 0.02 * NOISE,
    "discriminator": 0.2 + 0.01 * NOISE,
    "discriminator_accuracy": 0.7 + 0.01 * NOISE,
}


def rows_of(**curves: Values) -> list[Row]:
    """A balanced game with some curves replaced; names of scores are given with "_" for the point."""
    named = BALANCED | {name.replace("validation_", "validation."): values for name, values in curves.items()}
    filled = {name: np.broadcast_to(values, ROWS) for name, values in named.items()}
    return [
        {"step": 10.0 * (i + 1)} | {name: float(v[i]) for name, v in filled.items() if np.isfinite(v[i])}
        for i in range(ROWS)
    ]


def kinds(rows: list[Row]) -> list[str]:
    return [verdict.kind for verdict in diagnose(rows)]


def late(values: Values, start: int) -> np.ndarray:
    """Recorded only from row `start` on."""
    return np.where(np.arange(ROWS) < start, np.nan, values)


def validated(*scores: float) -> np.ndarray:
    """A score at evenly spread rows."""
    curve = np.full(ROWS, np.nan)
    curve[np.linspace(0, ROWS, len(scores) + 1).astype(int)[1:] - 1] = scores
    return curve


SHOWN: dict[str, dict[str, Values]] = {
    "discriminator won": {"discriminator": 0.2 * np.exp(-6 * TIME), "adversarial": 0.4 + 0.5 * TIME},
    "discriminator dead": {"discriminator": 0.25 + 0.001 * NOISE, "discriminator_accuracy": 0.5 + 0.002 * NOISE},
    "discriminator behind": {
        "discriminator": late(0.28 + np.exp(-20 * TIME), 60),
        "discriminator_accuracy": late(0.505, 60),
        "adversarial": late(0.3, 60),
    },
    "oscillating": {"discriminator": np.where(np.arange(ROWS) % 2, 0.35, 0.05)},
    "collapsed": {"validation_spread": validated(0.9, 0.4, 0.04)},
    "overfitting": {"validation_mae": validated(90, 70, 75, 80)},
    "not learning": {"l1": 0.5 + 0.01 * NOISE},
}
NOT_SHOWN: dict[str, dict[str, Values]] = {
    "won, but the generator catches up": {"discriminator": 0.02, "adversarial": 0.9 - 0.5 * TIME},
    "won for a while": {"discriminator": np.where(TIME < 0.75, 0.01, 0.2)},
    "at equilibrium, but it tells real from synthetic": {"discriminator": 0.25, "discriminator_accuracy": 0.7},
    "above equilibrium, but it tells real from synthetic": {"discriminator": 0.3, "discriminator_accuracy": 0.6},
    "turns at every row, but a little": {"discriminator": np.where(np.arange(ROWS) % 2, 0.21, 0.19)},
    "a long fall is no scatter": {"discriminator": 0.3 * np.exp(-2 * TIME)},
    "spread is low at first": {"validation_spread": validated(0.01, 0.4, 0.8)},
    "validation rises less than 5 %": {"validation_mae": validated(90, 70, 72, 73)},
    "both errors rise": {"l1": np.where(TIME < 0.5, 0.5 - 0.8 * TIME, 0.2), "validation_mae": validated(90, 70, 80)},
    "two validations are too few": {"validation_mae": validated(70, 90)},
    "learnt at once, then flat": {"l1": np.where(TIME < 0.1, 0.5 - 4 * TIME, 0.1)},
    "no regression term at all": {"l1": np.nan},
}


@pytest.mark.parametrize("kind", SHOWN)
def test_a_lost_game_is_named(kind: str):
    assert kinds(rows_of(**SHOWN[kind])) == [kind]


@pytest.mark.parametrize("case", NOT_SHOWN)
def test_what_only_looks_alike_is_healthy(case: str):
    assert kinds(rows_of(**NOT_SHOWN[case])) == ["healthy"]


def test_a_discriminator_that_won_at_once_is_found_though_the_term_can_rise_no_further():
    assert kinds(rows_of(discriminator=0.005, adversarial=0.98)) == ["discriminator won"]


def test_every_verdict_that_holds_is_given():
    assert kinds(rows_of(**SHOWN["overfitting"], **SHOWN["discriminator dead"])) == [
        "discriminator dead",
        "overfitting",
    ]


def test_the_backward_direction_is_judged_too():
    (verdict,) = diagnose([row | {"validation_backward.spread": 0.01} for row in rows_of(cycle=FALLING, l1=np.nan)])
    assert "(validation_backward)" in verdict.evidence
    assert verdict.change["objective.cycle"] == "twice as much"


def test_a_run_of_few_rows_is_not_judged():
    assert kinds(rows_of(**SHOWN["not learning"])[:19]) == ["too short to judge"]


def test_a_short_part_with_a_discriminator_is_not_judged_but_the_rest_is():
    rows = rows_of(discriminator=late(0.25, 90), discriminator_accuracy=late(0.5, 90), adversarial=late(0.25, 90))
    assert kinds(rows) == ["healthy", "too short to judge"]


@pytest.mark.parametrize("length", [20, 50, 100])
def test_runs_of_any_length_are_judged_alike(length: int):
    rows = rows_of(**SHOWN["discriminator dead"])
    assert kinds(rows[:: ROWS // length]) == ["discriminator dead"]


def test_the_evidence_has_the_figures():
    (verdict,) = diagnose(rows_of(**SHOWN["overfitting"]))
    assert "rose by 14 % from its best, 70 at step 500" in str(verdict)
    assert verdict.figures["best_step"] == 500
    assert verdict.change["training.steps"] == "about 500"


@pytest.mark.parametrize("kind", SHOWN)
def test_what_to_change_are_fields_of_the_recipe(kind: str, recipe_of: Callable[..., Recipe]):
    (verdict,) = diagnose(rows_of(**SHOWN[kind]))
    assert verdict.change
    for key in verdict.change:
        attrgetter(key)(recipe_of())  # raises where there is no such field


def test_training_without_a_discriminator_is_advised_for_pairs_only():
    dead = SHOWN["discriminator dead"]
    assert "objective.adversarial" in diagnose(rows_of(**dead))[0].change
    assert "objective.adversarial" not in diagnose(rows_of(**dead, l1=np.nan, cycle=FALLING))[0].change


def test_a_later_start_is_questioned_only_where_there_was_one():
    behind = SHOWN["discriminator behind"]
    assert "objective.adversarial_from" in diagnose(rows_of(**behind))[0].change
    from_the_start = rows_of(discriminator=0.3, discriminator_accuracy=0.5)
    assert "objective.adversarial_from" not in diagnose(from_the_start)[0].change


def test_the_diagnosis_is_written_as_json(tmp_path: Path):
    write_diagnosis(tmp_path / "diagnosis.json", rows_of(**SHOWN["collapsed"]))
    content = json.loads((tmp_path / "diagnosis.json").read_text())
    assert content["step"] == 1000
    assert content["verdicts"][0]["kind"] == "collapsed"
    assert content["verdicts"][0]["figures"] == {"spread": 0.04}
