"""Between a volume's own lattice and the one a model works on: storage order, voxel size, resampling."""

from __future__ import annotations

from collections.abc import Iterator

import nibabel
import numpy as np
import scipy
from numpy.typing import NDArray

from modality_translate.volumes.scratch import empty_as, rest
from modality_translate.volumes.slabs import Slab, across, slabs, slowest
from modality_translate.volumes.volume import Affine, Array, Grid, Shape

CANONICAL = np.array([[0, 1], [1, 1], [2, 1]])
"""RAS+ as nibabel writes orientations: input axis, direction."""
DRIFT = 1e-3
"""Voxels by which axes may part over the whole field of view and still count as parallel."""
EDGE = 0.5 + 1e-4
"""A voxel reaches this far from its centre; the excess forgives rounding."""

SLAB = 2**20
"""Voxels that are resampled at a time."""

Floats = NDArray[np.float64]


def orient(array: Array, grid: Grid) -> tuple[Array, Grid]:
    """The array (X, Y, Z) and its grid in the storage order closest to RAS+; a view, no voxel changes."""
    order = nibabel.orientations.io_orientation(grid.affine)
    turned = np.asarray(nibabel.orientations.apply_orientation(array, order), array.dtype)
    affine = grid.affine @ nibabel.orientations.inv_ornt_aff(order, grid.shape)
    return turned, Grid(_shape_of(turned), np.asarray(affine, float))


def orient_like(array: Array, grid_canonical: Grid, native: Grid) -> Array:
    """The inverse of `orient`: an array on `grid_canonical` back in the storage order of `native`; a view."""
    order = nibabel.orientations.io_orientation(native.affine)
    back = nibabel.orientations.ornt_transform(CANONICAL, order)
    restored = np.asarray(nibabel.orientations.apply_orientation(array, back), array.dtype)
    assert array.shape == grid_canonical.shape
    assert restored.shape == native.shape
    return restored


def spaced(grid: Grid, spacing: tuple[float, float, float]) -> Grid:
    """A grid with the same axes, field of view and world centre, and voxels of `spacing` mm along its storage axes.

    Voxels per axis: max(1, round(n * old / new)). The very same grid if all sizes agree within 1e-4 of themselves.
    """
    old, new = np.array(grid.spacing), np.array(spacing, float)
    if np.all(np.abs(old - new) <= 1e-4 * new):
        return grid
    nx, ny, nz = (max(1, round(extent / size)) for extent, size in zip(grid.extent, new, strict=True))
    affine = grid.affine.copy()
    affine[:3, :3] *= new / old
    affine[:3, 3] = _centre(grid.affine, grid.shape) - affine[:3, :3] @ _middle((nx, ny, nz))
    return Grid((nx, ny, nz), affine)


def resample(array: Array, source: Grid, target: Grid, background: float) -> Array:
    """The array (X, Y, Z) on `source` as seen by `target`, float32; `background` outside the source's field of view.

    Grids that match return the array itself. Parallel axes (whatever their order and direction) are resampled one by
    one with a triangle kernel, which is linear interpolation, widened by the step when the target is coarser, so that
    nothing aliases; its weights keep constants and, but for the outermost half voxel, linear ramps. Other grids are
    met by linear interpolation after a Gaussian blur that widens a voxel (full width at half maximum) to the step.
    """
    if source.matches(target):
        return array
    steps = np.linalg.inv(source.affine) @ target.affine
    order = np.abs(steps[:3, :3]).argmax(axis=1)
    if _is_parallel(steps, order, target.shape):
        return _resample_parallel(array, steps, order, target.shape, background)
    return _resample_oblique(array, steps, target.shape, background)


def _shape_of(array: Array) -> Shape:
    x, y, z = array.shape
    return x, y, z


def _middle(shape: Shape) -> Floats:
    return (np.array(shape, float) - 1) / 2


def _centre(affine: Affine, shape: Shape) -> Floats:
    return np.asarray(affine[:3, :3] @ _middle(shape) + affine[:3, 3])


def _is_parallel(steps: Affine, order: NDArray[np.intp], shape: Shape) -> bool:
    """Whether each source axis depends on one target axis alone; `order[i]` is the target axis of source axis i."""
    drift = np.abs(steps[:3, :3]) * (np.array(shape) - 1)
    drift[range(3), order] = 0
    return len(set(order)) == 3 and float(drift.sum(axis=1).max()) < DRIFT


def _resample_parallel(array: Array, steps: Affine, order: NDArray[np.intp], shape: Shape, background: float) -> Array:
    result = array
    centres = [steps[axis, 3] + steps[axis, other] * np.arange(shape[other]) for axis, other in enumerate(order)]
    # Axes that shrink most go first, so that the later ones have less to do.
    for axis in sorted(range(3), key=lambda axis: len(centres[axis]) / array.shape[axis]):
        size, step = array.shape[axis], abs(float(steps[axis, order[axis]]))
        if len(centres[axis]) != size or np.abs(centres[axis] - np.arange(size)).max() > DRIFT:
            result = _along(result, axis, _triangle(centres[axis], step, size))
    for axis, centre in enumerate(centres):
        outside = _outside(centre, array.shape[axis])
        if outside.any():
            for place in slabs(result):
                np.moveaxis(result[place], axis, 0)[outside[place[axis]]] = background
    return result.transpose(np.argsort(order))


def _outside(centre: Floats, size: int) -> NDArray[np.bool_]:
    return (centre < -EDGE) | (centre > size - 1 + EDGE)


def _triangle(centres: Floats, step: float, size: int) -> scipy.sparse.csr_array:
    """Weights (target, source) of one axis: rows sum to 1, or to 0 outside the field of view."""
    width = max(1.0, step)
    taps = np.floor(centres - width)[:, None] + np.arange(1, int(np.ceil(2 * width)) + 2)
    away = taps - centres[:, None]
    weights = np.clip(1 - np.abs(away) / width, 0, None)
    known = (taps >= 0) & (taps < size) & ~_outside(centres, size)[:, None]
    weights = _balanced(weights * known, away)
    rows = np.broadcast_to(np.arange(len(centres))[:, None], taps.shape)
    entries = (rows[known], taps[known].astype(np.intp))
    return scipy.sparse.csr_array((weights[known].astype(np.float32), entries), shape=(len(centres), size))


def _balanced(weights: Floats, away: Floats) -> Floats:
    """Rows with sum 1 and, unless that takes a negative weight, with their centre of mass on the sample.

    A triangle whose width is no integer, or which is cut off by an edge, is a little off balance when sampled;
    uncorrected, ramps would ripple.
    """
    sums, first, second = ((weights * away**power).sum(axis=1, keepdims=True) for power in range(3))
    tilted = weights * (second - first * away)
    # A sample on the outermost voxel has a weight of exactly 0, which an oblique affine turns into -1e-16.
    kept = (sums * second - first**2 > 1e-9) & (tilted >= -1e-9).all(axis=1, keepdims=True)
    balanced = np.where(kept, np.maximum(tilted, 0), weights)
    totals = balanced.sum(axis=1, keepdims=True)
    return np.asarray(balanced / np.where(totals > 0, totals, 1))


def _along(array: Array, axis: int, weights: scipy.sparse.csr_array) -> Array:
    """`array` with one axis resampled, in the same memory order, with copies of bounded size."""
    result = empty_as(array, np.float32, axis=axis, size=weights.shape[0])
    for source, target, some in _pieces(array, axis, weights):
        moved = np.moveaxis(array[source], axis, 0)
        others = sorted(range(1, 3), key=lambda other: -abs(moved.strides[other]))
        moved = moved.transpose(0, *others)
        flat = np.ascontiguousarray(moved).reshape(moved.shape[0], -1)
        answer = (some @ flat).reshape(-1, *moved.shape[1:])
        np.moveaxis(result[target], axis, 0).transpose(0, *others)[...] = answer
        rest(array, result)
    return result


def _pieces(
    array: Array, axis: int, weights: scipy.sparse.csr_array
) -> Iterator[tuple[Slab, Slab, scipy.sparse.csr_array]]:
    """Slabs of `array`, where they go to, and the weights between the two along `axis`."""
    along = slowest(array)
    size = weights.shape[0] if along == axis else array.shape[along]
    depth = max(1, SLAB * array.shape[along] // array.size)
    for start in range(0, size, depth):
        target = slice(start, min(size, start + depth))
        source, some = _reached(weights, target) if along == axis else (target, weights)
        yield across(along, source), across(along, target), some


def _reached(weights: scipy.sparse.csr_array, target: slice) -> tuple[slice, scipy.sparse.csr_array]:
    """The source voxels that `target` voxels see, and the weights between the two."""
    rows = weights[target]
    source = slice(int(rows.indices.min()), int(rows.indices.max()) + 1) if rows.nnz else slice(0, 1)
    return source, rows[:, source]


def _resample_oblique(array: Array, steps: Affine, shape: Shape, background: float) -> Array:
    excess = np.sqrt(np.clip((steps[:3, :3] ** 2).sum(axis=1) - 1, 0, None))
    sigmas = excess / np.sqrt(8 * np.log(2))
    smooth = scipy.ndimage.gaussian_filter(array, sigmas, mode="nearest") if sigmas.any() else array
    result = scipy.ndimage.affine_transform(
        smooth, steps[:3, :3], steps[:3, 3], shape, order=1, mode="nearest", prefilter=False
    )
    x, y, z = np.ogrid[: shape[0], : shape[1], : shape[2]]
    for axis in range(3):
        a, b, c, start = steps[axis]
        result[_outside((a * x + start) + b * y + c * z, array.shape[axis])] = background
    return np.asarray(result, np.float32)
