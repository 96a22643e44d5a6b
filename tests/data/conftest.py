"""Pairs of tiny heads, MR and CT, in two folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from modality_translate.data.fingerprint import Alignment, Fingerprint, Intensities, Side
from modality_translate.recipe import Recipe, recipe_from
from modality_translate.volumes import Volume, write_volume

SHAPE = (20, 24, 6)


def write_pair(root: Path, name: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    inside = (place[:2] ** 2).sum(axis=0) < 0.6
    volumes = {"mr": 500.0 * inside + random.uniform(0, 30, SHAPE), "ct": np.where(inside, 40.0, -1000.0)}
    for side, array in volumes.items():
        path = root / side / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_volume(path, Volume.of(array, np.diag([2.0, 2.0, 4.0, 1.0])))


def make_recipe(**tables: dict[str, object]) -> Recipe:
    values: dict[str, object] = {
        "name": "tiny",
        "data": {"source": "mr", "target": "ct", "validation": 0},
        "source": {"modality": "MR"},
        "target": {"modality": "CT"},
        "geometry": {"patch": [16, 16], "context": 3, "spacing": [2.0, 2.0, 4.0]},
        "training": {"batch": 4},
    }
    for name, table in tables.items():
        values[name] = {**values.get(name, {}), **table}  # type: ignore[dict-item]
    return recipe_from(values, "test")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Three pairs: mr/{a,b,c}.nii.gz and ct/{a,b,c}.nii.gz."""
    for seed, name in enumerate("abc"):
        write_pair(tmp_path, name, seed)
    return tmp_path


@pytest.fixture
def recipe_with() -> Callable[..., Recipe]:
    """A small MR to CT recipe; each argument changes values of one table."""
    return make_recipe


@pytest.fixture
def contrasts() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """MR and CT of winding compartments with edges in every direction, at voxels displaced by (3, X, Y, Z)."""

    def seen(shape: tuple[int, int, int], displacement: object = 0.0) -> tuple[np.ndarray, np.ndarray]:
        noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(shape), 3, mode="wrap")
        labels = np.digitize(noise / noise.std(), [-0.7, 0.0, 0.7])
        places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij")) + displacement
        there = ndimage.map_coordinates(labels, places, order=0, mode="nearest")
        mr, ct = (np.float32(values)[there] for values in ([0, 300, 900, 500], [-1000, 60, -100, 700]))
        return ndimage.gaussian_filter(mr, 0.5), ndimage.gaussian_filter(ct, 0.5)

    return seen


@pytest.fixture
def recipe() -> Recipe:
    return make_recipe()


def make_fingerprint(
    *, pairs: int = 12, alignment: Alignment | None = None, target: dict[str, object] | None = None, **source: object
) -> Fingerprint:
    """An MR to CT fingerprint of 1 mm cubes, 100 x 100 x 80; arguments change the source, `target` the target.

    The grid of the target follows the source's.
    """
    numbers = Intensities(source.pop("percentiles", (10.0, 300.0, 900.0)), 320.0, 150.0, 0.5, 5.0, 0.1)
    plain = {"files": max(pairs, 10), "read": 12, "known_by": "given", "orientations": ("RAS",), "stored": ("int16",)}
    grid = {"spacing": (1.0, 1.0, 1.0), "shape": (100, 100, 80)} | source
    grid = {"spacing_p10": grid["spacing"], "shape_p10": grid["shape"]} | grid
    first = Side(**plain | {"modality": "MR", "intensities": numbers} | grid)
    second = replace(first, **{"modality": "CT", **(target or {})})
    return Fingerprint(first, second, tuple(f"p{i:02d}" for i in range(pairs)), alignment)


@pytest.fixture
def of() -> Callable[..., Fingerprint]:
    """Fingerprints without volumes; see `make_fingerprint`."""
    return make_fingerprint
