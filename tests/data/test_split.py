from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modality_translate.data.split import split
from modality_translate.data.subjects import Case
from modality_translate.errors import PairingError, RecipeError
from modality_translate.recipe import Data, Recipe, Side

FILE = Path("x.nii")


def recipe(**data: object) -> Recipe:
    sides = {"source": Side(modality="MR"), "target": Side(modality="CT")}
    return Recipe(name="r", data=Data(source="a", target="b", **data), **sides)


def pair(name: str) -> Case:
    return Case(name, FILE, FILE)


PAIRS = tuple(pair(f"p{i}") for i in range(8))


def test_roles_cover_all_cases_once():
    result = split(PAIRS, recipe(held_out=("p3",), validation=2))
    assert [case.name for case in result.held_out] == ["p3"]
    assert len(result.validation) == 2
    assert sorted(case.name for role in (result.train, result.validation, result.held_out) for case in role) == [
        case.name for case in PAIRS
    ]


def test_a_split_depends_on_the_seed_alone():
    first, again = split(PAIRS, recipe(validation=3)), split(PAIRS, recipe(validation=3))
    other = split(PAIRS, recipe(validation=3).model_copy(update={"seed": 1}))
    assert first == again
    assert first.validation != other.validation


def test_all_cases_of_a_patient_have_one_role():
    cases = (pair("p1/a"), pair("p1/b"), pair("p2/a"), pair("p3/a"))
    result = split(cases, recipe(held_out=("p1/b",), validation=1))
    assert [case.name for case in result.held_out] == ["p1/a", "p1/b"]
    assert split(cases, recipe(held_out=("p1",))).held_out == result.held_out


def test_an_unknown_held_out_case_names_the_nearest():
    with pytest.raises(RecipeError, match=r"no case p33. Did you mean p3\?"):
        split(PAIRS, recipe(held_out=("p33",)))


def test_nothing_left_to_train_on_is_refused():
    with pytest.raises(RecipeError, match=r"nothing is left to train on.*data.validation"):
        split(PAIRS[:1], recipe(validation=1))


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans(), st.booleans()), min_size=4, max_size=20),
    st.integers(0, 3),
)
def test_unpaired_training_never_shows_both_sides_of_a_patient(drawn: list[tuple[str, bool, bool]], seed: int):
    cases = tuple(
        Case(f"{patient}/{i}", FILE if source else None, FILE if target or not source else None)
        for i, (patient, source, target) in enumerate(drawn)
    )
    try:
        train = split(cases, recipe(paired=False, validation=0).model_copy(update={"seed": seed})).train
    except (PairingError, RecipeError):
        return
    assert not {c.patient for c in train if c.source} & {c.patient for c in train if c.target}
    assert not any(case.paired for case in train)


def test_unpaired_keeps_pairs_for_scoring():
    result = split(PAIRS, recipe(paired=False, held_out=("p0",), validation=1))
    assert all(case.paired for case in (*result.validation, *result.held_out))
    assert sum(bool(case.source) for case in result.train) == sum(bool(case.target) for case in result.train) == 3


def test_unpaired_needs_two_patients():
    with pytest.raises(PairingError, match="no target volume is left"):
        split(PAIRS[:1], recipe(paired=False, validation=0))


def test_names_say_who_gives_what(recipe_with: Callable[..., Recipe]):
    names = split(PAIRS, recipe_with(data={"paired": False})).names()
    assert not set(names["train_source"]) & set(names["train_target"])
    assert names["validation"] == names["held_out"] == []
