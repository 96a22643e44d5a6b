"""A volume in bounded pieces, cut where its memory is slowest, so that statistics need no second volume."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modality_translate.volumes.scratch import empty, is_on_disk, rest
from modality_translate.volumes.volume import Shape

VOXELS = 2**21
"""About how many voxels a slab holds."""
BLOCK = 2**23
"""Voxels of a copy in another storage order that are filled at a time."""

Slab = tuple[slice, slice, slice]


def slabs(array: NDArray[Any], *others: NDArray[Any], voxels: int = VOXELS, shared: int = 0) -> Iterator[Slab]:
    """Places that together cover `array` (X, Y, Z), in order along the axis of its largest stride.

    Each begins with the last `shared` planes of the one before. `others` are used at the same places: between two
    slabs, none of the arrays takes memory that lies on disk.
    """
    axis = slowest(array)
    size = array.shape[axis]
    depth = max(1, voxels * size // max(1, array.size))
    for start in range(0, size, depth):
        yield across(axis, slice(max(0, start - shared), min(size, start + depth)))
        rest(array, *others)


def shape_of(place: Slab) -> Shape:
    """(X, Y, Z) of a place whose ends are given."""
    x, y, z = (span.stop - span.start for span in place)
    return x, y, z


def slowest(array: NDArray[Any]) -> int:
    """The axis with the largest stride."""
    return int(np.argmax(np.abs(array.strides)))


def across(axis: int, span: slice) -> Slab:
    """The place of `span` along `axis`, whole along the others."""
    x, y, z = (span if axis == other else slice(None) for other in range(3))
    return x, y, z


def slowest_last(array: NDArray[Any]) -> NDArray[Any]:
    """`array` (X, Y, Z); one on disk whose slices (z) do not lie one behind the other is copied so that they do."""
    if not is_on_disk(array) or abs(array.strides[2]) == max(map(abs, array.strides)):
        return array
    result = empty(array.shape[::-1], array.dtype, array).T
    for block in slabs(result, voxels=BLOCK):
        part, room = array[block], result[block]
        for place in slabs(part):
            room[place] = part[place]
    return result


def ends(array: NDArray[Any]) -> tuple[float, float]:
    """The least and the largest value; both NaN if any is."""
    parts = [(float(array[place].min()), float(array[place].max())) for place in slabs(array)]
    low, high = np.transpose(parts)
    return float(low.min()), float(high.max())


def fill(array: NDArray[Any], value: float) -> None:
    """`value` in every voxel."""
    for place in slabs(array):
        array[place] = value


def thinned(array: NDArray[Any], step: int) -> NDArray[Any]:
    """Every `step`-th voxel along each axis of `array` (X, Y, Z), in its memory order."""
    axis = slowest(array)
    parts = []
    for place in slabs(array):
        thin = [slice(None, None, step)] * 3
        thin[axis] = slice(-place[axis].start % step, None, step)
        parts.append(array[place][tuple(thin)].copy("K"))
    return np.concatenate(parts, axis=axis)


def shadows(
    array: NDArray[Any], test: Callable[[NDArray[Any]], NDArray[np.bool_]], shared: int = 0
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where a voxel of `array` (X, Y, Z) passes `test`, which is given slabs: (X, Z) seen along y, (Y, Z) along x.

    Slabs have `shared` planes in common, and a voxel need pass in one of its slabs only.
    """
    x, y, z = array.shape
    along_y, along_x = np.zeros((x, z), np.bool_), np.zeros((y, z), np.bool_)
    for place in slabs(array, shared=shared):
        passed = test(array[place])
        along_y[place[0], place[2]] |= passed.any(axis=1)
        along_x[place[1], place[2]] |= passed.any(axis=0)
    return along_y, along_x


def span_of(shadow: NDArray[np.bool_], axis: int, margin: int = 0) -> slice:
    """From the first to the last place along `axis` (0 or 1) of `shadow` that has a true one; it must have one.

    `margin` more at each end, as far as there is room.
    """
    first, last = np.flatnonzero(shadow.any(axis=1 - axis))[[0, -1]].tolist()
    return slice(max(0, first - margin), min(shadow.shape[axis], last + 1 + margin))


def box_of(array: NDArray[Any], test: Callable[[NDArray[Any]], NDArray[np.bool_]]) -> Slab | None:
    """The smallest box of `array` (X, Y, Z) with every voxel that passes `test`, which is given slabs; none of none."""
    along_y, along_x = shadows(array, test)
    if not along_y.any():
        return None
    return span_of(along_y, 0), span_of(along_x, 0), span_of(along_y, 1)
