"""Who is trained on, who chooses the weights, and who is only scored: by patient, drawn by the recipe's seed."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

import numpy as np

from modality_translate.data.subjects import Case
from modality_translate.errors import PairingError, RecipeError
from modality_translate.recipe import Recipe


@dataclass(frozen=True)
class Split:
    """Cases by role; no patient has two roles. Unpaired training cases have one side only."""

    train: tuple[Case, ...]
    validation: tuple[Case, ...]
    held_out: tuple[Case, ...]

    def names(self) -> dict[str, list[str]]:
        """Case names by role, for splits.json."""
        return {
            "train_source": [case.name for case in self.train if case.source],
            "train_target": [case.name for case in self.train if case.target],
            "validation": [case.name for case in self.validation],
            "held_out": [case.name for case in self.held_out],
        }


def split(cases: tuple[Case, ...], recipe: Recipe) -> Split:
    """Held-out cases by name (with every other case of their patients), validation drawn by the seed, the rest trains.

    Validation patients are drawn until `data.validation` cases are reached; only pairs can be scored, so others are
    never drawn. Unpaired: patients with both sides give one of them to the training, so that no pair is ever shown.
    Raises `RecipeError` for an unknown held-out name or when nothing is left to train on.
    """
    generator = np.random.default_rng(np.random.SeedSequence([recipe.seed, len(cases)]))
    held_patients = _patients_named(recipe.data.held_out, cases)
    held_out = tuple(case for case in cases if case.patient in held_patients)
    remaining = [case for case in cases if case.patient not in held_patients]
    chosen = _draw_patients([case for case in remaining if case.paired], recipe.data.validation, generator)
    validation = tuple(case for case in remaining if case.patient in chosen and case.paired)
    train = tuple(case for case in remaining if case.patient not in chosen)
    if not recipe.data.paired:
        train = _one_side_each(train, generator)
    _check_not_empty(train, recipe)
    return Split(train, validation, held_out)


def _patients_named(names: tuple[str, ...], cases: tuple[Case, ...]) -> set[str]:
    """The patients of the named cases; a patient's own name stands for all of its cases."""
    patient_of = {case.patient: case.patient for case in cases} | {case.name: case.patient for case in cases}
    for name in names:
        if name not in patient_of:
            nearest = difflib.get_close_matches(name, patient_of, n=1)
            hint = f"Did you mean {nearest[0]}?" if nearest else f"There is for example {min(patient_of)}."
            raise RecipeError("data.held_out", f"there is no case {name}.", hint)
    return {patient_of[name] for name in names}


def _draw_patients(pairs: list[Case], wanted: int, generator: np.random.Generator) -> set[str]:
    patients = sorted({case.patient for case in pairs})
    drawn: set[str] = set()
    for index in generator.permutation(len(patients)):
        if sum(case.patient in drawn for case in pairs) >= wanted:
            break
        drawn.add(patients[index])
    return drawn


def _one_side_each(cases: tuple[Case, ...], generator: np.random.Generator) -> tuple[Case, ...]:
    """Cases stripped to one side: patients with both sides are dealt out alternately in drawn order."""
    sources = {case.patient for case in cases if case.source}
    both = sorted(sources & {case.patient for case in cases if case.target})
    dealt = generator.permutation(len(both))
    gives_target = {both[index] for index in dealt[1::2]}
    gives_source = {both[index] for index in dealt[::2]}
    stripped = []
    for case in cases:
        if case.patient not in gives_target and case.source:
            stripped.append(replace(case, target=None))
        elif case.patient not in gives_source and case.target:
            stripped.append(replace(case, source=None))
    return tuple(stripped)


def _check_not_empty(train: tuple[Case, ...], recipe: Recipe) -> None:
    sides = [any(case.source for case in train), any(case.target for case in train)]
    if all(sides):
        return
    if recipe.data.paired or not any(sides):
        raise RecipeError(
            "data",
            f"nothing is left to train on beside {len(recipe.data.held_out)} held-out and "
            f"{recipe.data.validation} validation cases.",
            "Add cases, or lower data.validation (0 is possible).",
        )
    missing = "target" if sides[0] else "source"
    raise PairingError(
        "data",
        f"no {missing} volume is left for unpaired training: source and target must come from different patients.",
        "Add cases, or lower data.validation.",
    )
