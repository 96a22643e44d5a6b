"""Which recipe a training follows: a file, two folders, or the run that is resumed; and on which cases."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from modality_translate.cli.plan_table import plan_lines
from modality_translate.cli.train_phantom import only_heads, with_phantom
from modality_translate.errors import RecipeError, RunError, VolumeError


@dataclass(frozen=True)
class Choice:
    """What the user gave on the command line."""

    recipe: Path | None
    source: str | None
    target: str | None
    source_modality: str | None
    target_modality: str | None
    unpaired: bool
    overrides: tuple[str, ...]
    device: str

    @property
    def folders(self) -> bool:
        """Whether any option for two folders was given."""
        return bool(self.source or self.target or self.source_modality or self.target_modality or self.unpaired)


@dataclass(frozen=True)
class Wanted:
    """What is to be trained; `plan` where it was planned from two folders."""

    recipe: Any
    plan: Any = None


def chosen(choice: Choice, run: Any, reporter: Any, *, resume: bool) -> Wanted:
    """The recipe as it was asked for. Raises `click.UsageError` for options that do not fit together."""
    return Wanted(_resumed(choice, run)) if resume else _new(choice, run.path, reporter)


def check_free(run: Path) -> None:
    """Raise `RunError` for a folder in use."""
    if run.exists() and (not run.is_dir() or (any(run.iterdir()) and not only_heads(run))):
        raise RunError(run, "is not empty.", "Choose a new folder with -o, or go on with it by --resume.")


def settled(wanted: Wanted, run: Any, reporter: Any, *, leads: bool, resume: bool) -> tuple[Any, Any]:
    """The complete recipe, and the split of its cases.

    The process that `leads` makes and writes what is missing in the run folder; others follow what they find there.
    To `resume`, nothing is written: each process has the recipe, and the run may yet refuse it.
    """
    from modality_translate.data.defaults import complete
    from modality_translate.data.split import split
    from modality_translate.data.subjects import find_cases

    run.path.mkdir(parents=True, exist_ok=True)
    recipe = wanted.recipe if leads or resume else run.recipe()
    if leads and recipe.data.phantom is not None:
        reporter.say(f"Making {recipe.data.phantom.subjects} phantom subjects, unless they are there.")
        recipe = with_phantom(recipe, run.path)
    found = find_cases(recipe.data, run.path.resolve())
    for note in found.notes:
        reporter.say(note)
    if leads or resume:
        recipe = complete(recipe, found.cases)
    roles = split(found.cases, recipe)
    if leads and not resume:
        if wanted.plan is not None:
            run.write_plan(wanted.plan)
        run.write_recipe(recipe)
    return recipe, roles


def planned(choice: Choice, watch: Any = None) -> Any:
    """The plan for the two folders of `choice`, on its device. Raises `click.UsageError` where one is missing."""
    from modality_translate.data.machine import machine_at_hand
    from modality_translate.data.plan import plan_folders
    from modality_translate.recipe import given_fields

    if not (choice.source and choice.target):
        raise click.UsageError("Give two folders with -a and -b.")
    flags = {"source.modality": choice.source_modality, "target.modality": choice.target_modality}
    given = {"data.source": choice.source, "data.target": choice.target, "data.paired": not choice.unpaired}
    given |= {field: value for field, value in flags.items() if value}
    try:
        return plan_folders(given | given_fields(choice.overrides), Path(), machine_at_hand(choice.device), watch)
    except VolumeError as error:
        remedy = f"{error.remedy} mtranslate check with the same -a and -b names every such file.".strip()
        raise VolumeError(error.subject, error.reason, remedy) from error


def moved(recipe: Any, base: Path, folder: Path) -> Any:
    """`recipe` with its folders relative to `folder` instead of to `base`."""
    if recipe.data.phantom is not None:
        return recipe
    given = {key: getattr(recipe.data, key) for key in ("source", "target", "pairs")}
    places = {key: _relative(base / place, folder) for key, place in given.items() if place}
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=places)})


def _new(choice: Choice, run: Path, reporter: Any) -> Wanted:
    from modality_translate.recipe import read_recipe

    if choice.recipe is not None and choice.folders:
        raise click.UsageError("Give a RECIPE, or two folders with -a and -b, not both.")
    if choice.recipe is not None:
        recipe = read_recipe(choice.recipe, choice.overrides)
        return Wanted(moved(recipe, choice.recipe.parent, run))
    if not (choice.source and choice.target):
        raise click.UsageError("Give a RECIPE, or two folders with -a and -b.")
    reporter.say("Measuring both folders and planning the training.")
    plan = planned(choice)
    for line in plan_lines(plan):
        reporter.say(line)
    return Wanted(moved(plan.recipe, Path(), run), plan)


def _resumed(choice: Choice, run: Any) -> Any:
    if choice.recipe is not None or choice.folders:
        raise click.UsageError("--resume follows the recipe in the run folder; give only -o, and --set to change it.")
    return _overridden(run.recipe(), choice.overrides)


def _overridden(recipe: Any, overrides: tuple[str, ...]) -> Any:
    from modality_translate.recipe import apply_overrides, recipe_from

    return recipe_from(apply_overrides(recipe.model_dump(mode="json"), overrides), "--set")


def _relative(place: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(place.resolve(), folder.resolve())).as_posix()
    except ValueError as error:  # two drives of Windows
        raise RecipeError(place, "is on another drive than what is written.", "Put both on one drive.") from error
