"""Two plain folders become a whole recipe: fingerprint, decisions in an order in which each builds on earlier ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modality_translate.data.decision import Book, Decision
from modality_translate.data.fingerprint import Fingerprint, Side, Watch, take_fingerprint
from modality_translate.data.machine import Machine
from modality_translate.data.plan_cases import choose_objective, choose_registration, choose_split, warnings
from modality_translate.data.plan_geometry import (
    choose_air,
    choose_context,
    choose_dims,
    choose_slice_patch,
    choose_spacing,
    choose_volume_patch,
    resampled_shape,
)
from modality_translate.data.plan_learning import (
    BATCH_3D,
    choose_augmentation,
    choose_batch,
    choose_critic,
    choose_intervals,
    choose_levels,
    choose_network,
    choose_optimiser,
    choose_precision,
    choose_scaling,
    choose_steps,
    step_seconds,
)
from modality_translate.data.subjects import find_cases
from modality_translate.errors import RecipeError
from modality_translate.intensities.modality import MODALITIES
from modality_translate.recipe import Data, Recipe, recipe_from

Given = Mapping[str, Any]
"""Fields of the recipe that the user chose, by dotted name: they stand, and what follows builds on them."""
DATA_FIELDS = ("source", "target", "pairs", "paired")
BOTH_WAYS = ("cyclegan", "cut")
"""Objectives that feed each output back in, so that no stack of slices suits them."""
FLAGS = {"source": "--from", "target": "--to"}


@dataclass(frozen=True)
class Plan:
    """A recipe with the reasons for what is in it."""

    recipe: Recipe
    fingerprint: Fingerprint
    machine: Machine
    decisions: tuple[Decision, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """On what was left aside when the cases were found."""

    def as_dict(self) -> dict[str, Any]:
        """Fingerprint, machine, decisions and warnings, ready for JSON."""
        return {
            "fingerprint": self.fingerprint.as_dict(),
            "machine": asdict(self.machine),
            "decisions": [asdict(decision) for decision in self.decisions],
            "warnings": list(self.warnings),
        }


def plan_folders(given: Given, base: Path, machine: Machine, watch: Watch | None = None) -> Plan:
    """The plan for two folders or patterns, `given["data.source"]` and `given["data.target"]`, relative to `base`.

    `watch(done, total)` is called for every case whose voxels are read. Raises `RecipeError` for a modality that must
    be named or that the numbers contradict, and as `find_cases` and `read_volume` do.
    """
    chosen = {name: given[f"data.{name}"] for name in DATA_FIELDS if f"data.{name}" in given}
    found = find_cases(Data(**chosen), base)
    roles = given.get("source.modality"), given.get("target.modality")
    fingerprint = take_fingerprint(found.cases, roles, watch)
    for name in FLAGS:
        check_modality(name, getattr(fingerprint, name))
    decisions = decide(fingerprint, machine, given)
    name = f"{fingerprint.source.modality}-to-{fingerprint.target.modality}".lower()
    values = {"name": name} | {decision.field: decision.value for decision in decisions} | dict(given)
    recipe = recipe_from(nested(values), "the plan")
    said = warnings(fingerprint, paired=recipe.data.paired)
    return Plan(recipe, fingerprint, machine, tuple(decisions), tuple(said), found.notes)


def decide(fingerprint: Fingerprint, machine: Machine, given: Given) -> list[Decision]:
    """Every decision for volumes like these on this machine, in the order in which they were made."""
    book, paired = Book(given), given.get("data.paired", True)
    for name in FLAGS:
        side = getattr(fingerprint, name)
        book.settle(Decision(f"{name}.modality", side.modality, side.known_by))
    objective = book.settle(choose_objective(fingerprint, paired=paired))
    one_way = objective not in BOTH_WAYS
    for decision in choose_registration(fingerprint, objective, paired=paired):
        book.settle(decision)
    for name in FLAGS:
        book.settle(choose_scaling(fingerprint, name, paired=one_way))
    held_out, validation = (book.settle(decision) for decision in choose_split(fingerprint.pairs))
    spacing = book.settle(choose_spacing(fingerprint, machine, paired=one_way))
    dims = book.settle(choose_dims(fingerprint, machine, paired=one_way))
    book.settle(choose_air(fingerprint, paired=one_way))
    context = book.settle(choose_context(fingerprint, spacing, paired=one_way)) if dims == 2 else 1
    network = {d.field: book.settle(d) for d in choose_network(fingerprint, machine, dims, paired=one_way)}
    width = network["generator.width"]
    if dims == 2:
        patch = book.settle(choose_slice_patch(fingerprint, machine, spacing, paired=one_way))
    else:
        wanted = given.get("training.batch", BATCH_3D)
        patch = book.settle(choose_volume_patch(fingerprint, machine, spacing, width, wanted))
    if "generator.levels" not in network:
        book.settle(choose_levels(machine, patch))
    for decision in choose_critic(patch):
        book.settle(decision)
    batch = book.settle(choose_batch(machine, patch, context, width, paired=one_way))
    precision = book.settle(choose_precision(machine, paired=one_way))
    cases = max(fingerprint.source.files, fingerprint.target.files) - len(held_out) - validation
    tiles = math.prod(resampled_shape(fingerprint.source, spacing)) / math.prod(patch)
    seconds = step_seconds(machine, batch * math.prod(patch), width, precision, paired=one_way)
    steps = book.settle(choose_steps(machine, max(cases, 1), tiles, batch, seconds))
    for rule in (choose_intervals(steps), choose_optimiser(steps, paired=one_way)):
        for decision in rule:
            book.settle(decision)
    for decision in choose_augmentation(fingerprint, paired=one_way):
        book.settle(decision)
    return book.decisions


def check_modality(name: str, side: Side) -> None:
    """Raise `RecipeError` where the modality of the side `name` is unknown or half of its volumes contradict it."""
    if side.modality is None:
        choices = ", ".join(MODALITIES)
        reason = "its numbers are not those of a CT, and MR and PET look alike."
        raise RecipeError(f"{name} volumes", reason, f"Give {FLAGS[name]} ({choices}).")
    if side.problems and 2 * len(side.problems) >= side.read:
        raise RecipeError(
            f"{name} volumes",
            f"{side.modality} ({side.known_by}), but {side.problems[0]} ({len(side.problems)} of {side.read} read).",
            f"Convert them to {MODALITIES[side.modality].units}, or name another modality with {FLAGS[name]}; MR takes "
            "numbers of any unit.",
        )


def settled(recipe: Recipe, decisions: Sequence[Decision]) -> Iterator[tuple[Decision, Any]]:
    """Each decision with the value that `recipe` has in its place."""
    values = recipe.model_dump(mode="json")
    for decision in decisions:
        value = values
        for key in decision.field.split("."):
            value = value[key]
        yield decision, value


def comments(recipe: Recipe, decisions: Sequence[Decision]) -> dict[str, str]:
    """The reason for each planned field that `recipe` still follows; for the others, what the plan had."""
    return {decision.field: _comment(decision, value) for decision, value in settled(recipe, decisions)}


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Tables within tables from values by dotted name."""
    result: dict[str, Any] = {}
    for field, value in values.items():
        *tables, key = field.split(".")
        place = result
        for table in tables:
            place = place.setdefault(table, {})
        place[key] = value
    return result


def _comment(decision: Decision, value: Any) -> str:
    if value == decision.value:
        return decision.reason
    return f"set by hand; the plan had {decision.value} ({decision.reason})"
