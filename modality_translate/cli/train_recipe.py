"""Which recipe a training follows: a file, two folders, or the run that is resumed; and on which cases."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from modality_translate.cli.train_phantom import with_phantom
from modality_translate.errors import RecipeError, RunError


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

    @property
    def folders(self) -> bool:
        """Whether any option for two folders was given."""
        return bool(self.source or self.target or self.source_modality or self.target_modality or self.unpaired)


def chosen(choice: Choice, run: Any, *, resume: bool) -> Any:
    """The recipe as it was asked for. Raises `click.UsageError` for options that do not fit together."""
    return _resumed(choice, run) if resume else _new(choice, run.path)


def check_free(run: Path) -> None:
    """Raise `RunError` for a folder in use."""
    if run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise RunError(run, "is not empty.", "Choose a new folder with -o, or go on with it by --resume.")


def settled(recipe: Any, run: Any, reporter: Any, *, leads: bool) -> tuple[Any, Any]:
    """The complete recipe, and the split of its cases.

    The process that `leads` makes and writes what is missing in the run folder; others follow what they find there.
    """
    from modality_translate.data.defaults import complete
    from modality_translate.data.split import split
    from modality_translate.data.subjects import find_cases

    run.path.mkdir(parents=True, exist_ok=True)
    if not leads:
        recipe = run.recipe()
    elif recipe.data.phantom is not None:
        reporter.say(f"Making {recipe.data.phantom.subjects} phantom subjects, unless they are there.")
        recipe = with_phantom(recipe, run.path)
    found = find_cases(recipe.data, run.path.resolve())
    for note in found.notes:
        reporter.say(note)
    if leads:
        recipe = complete(recipe, found.cases)
        run.write_recipe(recipe)
    return recipe, split(found.cases, recipe)


def _new(choice: Choice, run: Path) -> Any:
    from modality_translate.recipe import read_recipe

    if choice.recipe is not None and choice.folders:
        raise click.UsageError("Give a RECIPE, or two folders with -a and -b, not both.")
    if choice.recipe is not None:
        recipe = read_recipe(choice.recipe, choice.overrides)
        return _moved(recipe, choice.recipe.parent, run)
    if not (choice.source and choice.target):
        raise click.UsageError("Give a RECIPE, or two folders with -a and -b.")
    return _moved(_for_folders(choice, choice.source, choice.target), Path(), run)


def _for_folders(choice: Choice, source: str, target: str) -> Any:
    from modality_translate.data.defaults import recipe_for_folders

    modalities: Any = choice.source_modality, choice.target_modality
    recipe = recipe_for_folders(source, target, modalities, Path(), paired=not choice.unpaired)
    return _overridden(recipe, choice.overrides)


def _resumed(choice: Choice, run: Any) -> Any:
    if choice.recipe is not None or choice.folders:
        raise click.UsageError("--resume follows the recipe in the run folder; give only -o, and --set to change it.")
    return _overridden(run.recipe(), choice.overrides)


def _overridden(recipe: Any, overrides: tuple[str, ...]) -> Any:
    from modality_translate.recipe import apply_overrides, recipe_from

    return recipe_from(apply_overrides(recipe.model_dump(mode="json"), overrides), "--set")


def _moved(recipe: Any, base: Path, run: Path) -> Any:
    """`recipe` with its folders relative to the run folder instead of to `base`."""
    if recipe.data.phantom is not None:
        return recipe
    given = {key: getattr(recipe.data, key) for key in ("source", "target", "pairs")}
    places = {key: _relative(base / place, run) for key, place in given.items() if place}
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=places)})


def _relative(place: Path, run: Path) -> str:
    try:
        return Path(os.path.relpath(place.resolve(), run.resolve())).as_posix()
    except ValueError as error:  # two drives of Windows
        raise RecipeError(place, "is on another drive than the run folder.", "Put both on one drive.") from error
