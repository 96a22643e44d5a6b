"""Real source patches to choose number ranges from, and others to prove the result on; no volume serves both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modality_translate.data.split import Split, split
from modality_translate.data.subjects import Case, find_cases
from modality_translate.errors import NothingToDoError, RunError, TranslationError
from modality_translate.pipeline.prepare import host_background, prepare
from modality_translate.pipeline.spec import Spec
from modality_translate.training.run import FORWARD, RunFolder
from modality_translate.volumes.folder import list_volumes
from modality_translate.volumes.nifti import read_volume
from modality_translate.volumes.patches import corners, cut
from modality_translate.volumes.volume import Array

MOST_VOLUMES = 8
MOST_PATCHES = 96
MOST_VOXELS = 2**23
"""Of all patches of one use together, unless that is less than two patches per volume."""


@dataclass(frozen=True)
class Sources:
    """Files of source volumes: to calibrate on, and to prove on."""

    calibration: tuple[Path, ...]
    proof: tuple[Path, ...]


def sources_in(folder: Path) -> Sources:
    """Every other volume of `folder` for each use. Raises `NothingToDoError` for fewer than two."""
    return _shared(list_volumes(folder), folder)


def sources_of(run: RunFolder, direction: str) -> Sources:
    """Training sources to calibrate on, validation (or held-out) sources to prove on; the training's alone if need be.

    Raises `RunError` where the volumes of the run's recipe are no longer there.
    """
    recipe = run.recipe()
    try:
        roles = split(find_cases(recipe.data, run.path.resolve()).cases, recipe)
    except TranslationError as error:
        reason = f"its volumes cannot be had any more ({error.reason})."
        raise RunError(run.path, reason, "Give source volumes with --calibrate FOLDER.") from error
    side = "source" if direction == FORWARD else "target"
    train, *others = ([getattr(case, side) for case in role] for role in (roles.train, *_unseen(roles)))
    seen = [path for path in train if path]
    proof = next((paths for paths in others if paths), [])
    return Sources(_some(seen), _some(proof)) if proof else _shared(seen, run.path)


def real_patches(files: tuple[Path, ...], spec: Spec) -> Array:
    """Patches (N, 1, X, Y, Z), host units of the source, evenly taken from where the runtime would cut `files`."""
    voxels = math.prod(spec.tiling.patch)
    each = max(2, min(MOST_PATCHES, MOST_VOXELS // voxels) // len(files))
    return np.concatenate([_patches(path, spec, each) for path in files])


def _unseen(roles: Split) -> tuple[tuple[Case, ...], ...]:
    return roles.validation, roles.held_out


def _shared(files: list[Path], place: Path) -> Sources:
    if len(files) < 2:
        reason = f"has {len(files)} source volumes; one to calibrate on and another to prove on are needed."
        raise NothingToDoError(place, reason, "Give a folder of several with --calibrate.")
    return Sources(_some(files[::2]), _some(files[1::2]))


def _some(files: list[Path]) -> tuple[Path, ...]:
    picked = np.linspace(0, len(files) - 1, min(len(files), MOST_VOLUMES))
    return tuple(files[round(index)] for index in picked)


def _patches(path: Path, spec: Spec, wanted: int) -> Array:
    array, tiling, air = prepare(read_volume(path), spec).array, spec.tiling, host_background(spec.source)
    places = corners(array.shape, tiling.core, tiling.overlap)
    picked = np.unique(np.linspace(0, len(places) - 1, wanted).round().astype(int))
    patches = [cut(array, places[index], tiling.patch, tiling.halo, air) for index in picked]
    return np.stack(patches)[:, np.newaxis].astype(np.float32, copy=False)
