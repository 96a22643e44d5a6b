"""What a recipe leaves open is filled from the volumes; two plain folders become a whole recipe."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from modality_translate.data.split import split
from modality_translate.data.subjects import Case, find_cases
from modality_translate.errors import RecipeError
from modality_translate.intensities.foreground import guess_modality
from modality_translate.intensities.modality import MODALITIES, ModalityName
from modality_translate.pipeline.spec import Millimetres
from modality_translate.recipe import Data, Recipe, recipe_from
from modality_translate.volumes.geometry import orient
from modality_translate.volumes.nifti import read_header, read_volume
from modality_translate.volumes.volume import Grid

Roles = tuple[ModalityName | None, ModalityName | None]
DIGITS = 4
"""Of a filled-in voxel size: a tenth of a micrometre."""
LARGEST_PATCH, PATCH_STEP = 128, 16
REGRESSION_FIRST: dict[str, Any] = {
    "objective": {"kind": "pix2pix", "ssim": 5.0, "adversarial_from": 0.7},
    "optimiser": {"lr": 1e-3, "warmup": 50, "clip": 1.0, "weight_decay": 1e-4},
}
"""Pairs are fitted first; the discriminator, which costs accuracy early on, sharpens the last part."""
ENOUGH_TO_HOLD_OUT = 5
EVERY_NTH_HELD_OUT = 5


def complete(recipe: Recipe, cases: tuple[Case, ...]) -> Recipe:
    """`recipe` with its voxel size filled in: the median of the training sources."""
    if recipe.geometry.spacing is not None:
        return recipe
    grids = [canonical_grid(case.source) for case in split(cases, recipe).train if case.source]
    geometry = recipe.geometry.model_copy(update={"spacing": median_spacing(grids)})
    return recipe.model_copy(update={"geometry": geometry})


def recipe_for_folders(source: str, target: str, roles: Roles, base: Path, *, paired: bool) -> Recipe:
    """A recipe for two folders (or patterns) relative to `base`, sized by the volumes in them.

    `roles` are the source's and the target's modality; one left out is guessed. Paired: slice-wise residual U-Net with
    five slices of context (pix2pix); unpaired: slice-wise cyclegan. One case in five is held out where there are five.
    Raises `RecipeError` for a modality that must be named, and as `find_cases` does.
    """
    plain: dict[str, Any] = {"source": str(source), "target": str(target), "paired": paired}
    cases = find_cases(Data(**plain), base).cases
    sources = [case.source for case in cases if case.source]
    targets = [case.target for case in cases if case.target]
    modalities = _modality(roles[0], sources[0], "--from"), _modality(roles[1], targets[0], "--to")
    patch = default_patch([canonical_grid(path) for path in sources])
    pairs = [case.name for case in cases if case.paired]
    plain["held_out"] = pairs[EVERY_NTH_HELD_OUT - 1 :: EVERY_NTH_HELD_OUT] if len(pairs) >= ENOUGH_TO_HOLD_OUT else []
    values = {
        "name": f"{modalities[0]}-to-{modalities[1]}".lower(),
        "data": plain | {"validation": 1 if len(pairs) > 1 else 0},
        "source": {"modality": modalities[0]},
        "target": {"modality": modalities[1]},
        "geometry": {"dims": 2, "patch": patch, "context": 5 if paired else 1},
        "augmentation": {"rotate": 5.0, "scale": 0.1, "mr_gamma": 0.2, "mr_bias": 0.1},
        **(REGRESSION_FIRST if paired else {"objective": {"kind": "cyclegan"}}),
    }
    return complete(recipe_from(values, "two folders"), cases)


def default_patch(grids: Iterable[Grid]) -> tuple[int, int]:
    """In-plane patch: the median shape rounded up to a multiple of 16 (one tile covers it), 128 at most."""
    sides = [statistics.median_low(side) for side in zip(*(grid.shape[:2] for grid in grids), strict=True)]
    x, y = (min(LARGEST_PATCH, math.ceil(side / PATCH_STEP) * PATCH_STEP) for side in sides)
    return x, y


def median_spacing(grids: Iterable[Grid]) -> Millimetres:
    """Voxel size along R, A, S, in mm."""
    x, y, z = (round(statistics.median(side), DIGITS) for side in zip(*(g.spacing for g in grids), strict=True))
    return x, y, z


def canonical_grid(path: Path) -> Grid:
    """The RAS+ grid of a file, from its header alone."""
    grid = read_header(path).grid
    return orient(np.broadcast_to(np.float32(0.0), grid.shape), grid)[1]


def _modality(given: ModalityName | None, path: Path, flag: str) -> ModalityName:
    if given is not None:
        return given
    volume = read_volume(path)
    guessed = guess_modality(volume.array)
    if guessed is None:
        choices = ", ".join(MODALITIES)
        raise RecipeError(
            path.name, "its numbers are not those of a CT; MR and PET look alike.", f"Give {flag} ({choices})."
        )
    return guessed
