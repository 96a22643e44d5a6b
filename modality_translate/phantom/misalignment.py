"""How the MR side may lie apart from CT and PET, with the true displacement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from modality_translate.phantom.noise import Line, smooth_noise
from modality_translate.phantom.settings import PhantomSettings
from modality_translate.phantom.shapes import Labels
from modality_translate.volumes.volume import Array, Grid

_SLAB = 8


def draw_field(rng: np.random.Generator, grid: Grid, settings: PhantomSettings) -> Array | None:
    """Displacement u (3, X, Y, Z) in world mm: MR shows at x what CT, PET and labels show at x + u(x).

    Rigid: a shift of 1 to 3 mm and up to 1 degree about the centre. Elastic: smooth over about 40 mm, with its
    largest displacement drawn from `settings.elastic`, in mm.
    """
    if settings.misalign == "none":
        return None
    return _rigid(rng, grid) if settings.misalign == "rigid" else _elastic(rng, grid, settings.elastic)


def _rigid(rng: np.random.Generator, grid: Grid) -> Array:
    direction = rng.standard_normal(3)
    shift = direction / np.linalg.norm(direction) * rng.uniform(1, 3)
    turn = Rotation.from_rotvec(rng.uniform(-0.5, 0.5, 3), degrees=True).as_matrix() - np.eye(3)
    x, y, z = _centred(grid)
    return np.stack(
        [row[0] * x[:, None, None] + row[1] * y[:, None] + row[2] * z + s for row, s in zip(turn, shift, strict=True)]
    ).astype(np.float32)


def _elastic(rng: np.random.Generator, grid: Grid, reach: tuple[float, float]) -> Array:
    x, y, z = _centred(grid)
    low, high = (x[0], y[0], z[0]), (x[-1], y[-1], z[-1])
    field = np.stack([smooth_noise(rng, low, high, 10.0, 20.0).sample(x, y, z) for _ in range(3)])
    largest = np.sqrt((field**2).sum(axis=0)).max()
    return np.asarray(field * (rng.uniform(*reach) / largest), np.float32)


def _centred(grid: Grid) -> list[Line]:
    return [np.asarray(s * (np.arange(n) - (n - 1) / 2), float) for n, s in zip(grid.shape, grid.spacing, strict=True)]


def displaced(labels: Labels, field: Array, spacing: float) -> Labels:
    """Fine labels (2X, 2Y, 2Z) seen through `field` (3, X, Y, Z) of mm: a label at x + u(x), so nothing blurs."""
    moved = np.empty_like(labels)
    finer = labels.shape[0] // field.shape[1]
    _, y, z = np.ogrid[tuple(slice(0, n) for n in labels.shape)]
    for start in range(0, labels.shape[0], _SLAB):
        x = np.arange(start, min(start + _SLAB, labels.shape[0]))[:, None, None]
        steps = [_refined(part[x.ravel() // finer], finer) * (finer / spacing) for part in field]
        # Rounding would move all points of a voxel by the same step; the dither lets their mean be the true step.
        at = (steps[0] + x + _dither(y, z), steps[1] + y + _dither(z, x), steps[2] + z + _dither(x, y))
        moved[start : start + _SLAB] = ndimage.map_coordinates(labels, np.stack(at), order=0, mode="nearest")
    return moved


def _refined(part: Array, finer: int) -> Array:
    """Rows of one component on the fine points along y and z: the smooth field changes little within a voxel."""
    return np.repeat(np.repeat(part, finer, 1), finer, 2)


def _dither(a: NDArray[np.int64], b: NDArray[np.int64]) -> Array:
    """-3/8, -1/8, 1/8 and 3/8 of a step, once for each parity of the two indices."""
    return np.asarray(((2 * (a % 2) + b % 2) * 2 - 3) / 8, np.float32)
