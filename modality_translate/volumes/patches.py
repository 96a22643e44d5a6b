"""Cutting a volume into patches and blending what a network made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from modality_translate.volumes.volume import Array, Shape

WEIGHT_UNITS = 4096
"""Weights are whole multiples of 1 / 4096, so that their sums, and with them a blended constant, are exact."""
SLAB = 2**20
"""Voxels that leave at a time."""
SLICES = 4
"""Cut at a time: volumes are stored along x, patches along z, and columns go through the cache half as fast."""
LEAST_UNITS = 5
"""The floor of a weight, above 1e-3 of the largest."""


Units = Callable[[Array], Array]


def _unchanged(array: Array) -> Array:
    return array


def corners(shape: Shape, core: Shape, overlap: float) -> list[Shape]:
    """Voxel at which each output core (X, Y, Z) starts, so that the cores cover `shape`; z slowest, y fastest.

    Neighbours along an axis share at least the fraction `overlap` of the core, evenly spread; an axis no longer than
    the core has one corner, 0. Cores of depth 1 never overlap.
    """
    starts = [_starts(size, length, overlap) for size, length in zip(shape, core, strict=True)]
    xs, ys, zs = starts
    return [(x, y, z) for z, x, y in product(zs, xs, ys)]


def reach(size: int, length: int, overlap: float) -> int:
    """The most voxels that as many cores of `length` cover as `size` voxels take: whole strides."""
    return length + (_count(size, length, overlap) - 1) * _stride(length, overlap)


def cut(array: Array, corner: Shape, patch: Shape, halo: Shape, background: float, units: Units = _unchanged) -> Array:
    """The input patch (X, Y, Z) whose core, inside `halo` voxels at each side, starts at `corner`.

    Voxels pass through `units`, elementwise; what lies outside the array is `background`.
    """
    result = np.full(patch, background, np.float32)
    inside, into = [], []
    for start, margin, length, size in zip(corner, halo, patch, array.shape, strict=True):
        first = start - margin
        low, high = max(first, 0), min(first + length, size)
        inside.append(slice(low, max(low, high)))
        into.append(slice(low - first, max(low, high) - first))
    source, target = array[tuple(inside)], result[tuple(into)]
    for z in range(0, source.shape[2], SLICES):
        target[:, :, z : z + SLICES] = units(source[:, :, z : z + SLICES])
    return result


def weights(core: Shape) -> Array:
    """Blending window of a core (X, Y, Z): a Gaussian of core / 8 along each axis, 1 along axes of size 1.

    At least 1e-3 everywhere, so that it vanishes nowhere, and at most 1.
    """
    window = np.ones(core)
    for axis, length in enumerate(core):
        if length > 1:
            away = (np.arange(length) - (length - 1) / 2) / (length / 8)
            window *= np.expand_dims(np.exp(-0.5 * away**2), [other for other in range(3) if other != axis])
    units = np.maximum(np.rint(window * WEIGHT_UNITS), LEAST_UNITS)
    return (units / WEIGHT_UNITS).astype(np.float32)


@lru_cache(maxsize=8)
def _windows(core: Shape) -> tuple[Array, NDArray[np.float64]]:
    """The weights in both precisions, made once, as a volume may have thousands of boxes."""
    window = weights(core)
    exact = window.astype(np.float64)
    window.flags.writeable = exact.flags.writeable = False
    return window, exact


def blend(shape: Shape, core: Shape, tiles: Iterable[tuple[Shape, Array]]) -> Iterator[Array]:
    """The weighted mean of overlapping cores, exact where they agree, as slabs (X, Y, n) float32 in order of z.

    `tiles` are (corner, core) in the order of `corners`; what reaches beyond the volume is dropped. A slab leaves as
    soon as no later core can reach it, so that sums are held for the depth of one core only. Every voxel must be
    covered.
    """
    layer = _Layer(shape, core)
    for corner, tile in tiles:
        if corner[2] > layer.start:
            yield from layer.leave(corner[2])
        layer.add(corner, tile)
    yield from layer.leave(shape[2])


class _Layer:
    """Sums of the slices that cores still reach: from `start` on, the depth of one core."""

    def __init__(self, shape: Shape, core: Shape) -> None:
        x, y, z = shape
        self.start = 0
        self._window, self._exact = _windows(core)
        self._sum = np.zeros((x, y, min(core[2], z)), np.float64)
        self._corners: list[Shape] = []

    def add(self, corner: Shape, tile: Array) -> None:
        x, y, z = corner
        target = self._sum[x : x + tile.shape[0], y : y + tile.shape[1], z - self.start :]
        used = tuple(slice(0, length) for length in target.shape)
        target += tile[used] * self._exact[used]
        self._corners.append(corner)

    def leave(self, stop: int) -> Iterator[Array]:
        """The finished slices from `start` to `stop` in pieces of bounded size; those after them move up."""
        count = stop - self.start
        depth = max(1, SLAB // (self._sum.shape[0] * self._sum.shape[1]))
        for first in range(0, count, depth):
            sums = self._sum[:, :, first : min(count, first + depth)]
            yield (sums / self._weights(sums.shape, self.start + first)).astype(np.float32)
        self._move(count)
        self.start = stop
        self._corners = [corner for corner in self._corners if corner[2] + self._window.shape[2] > stop]

    def _weights(self, shape: tuple[int, ...], first: int) -> Array:
        """The sum of all windows over the slices from `first` on; made anew, as it would take half the sums' memory."""
        weight = np.zeros(shape, np.float32)
        depth = self._window.shape[2]
        for x, y, z in self._corners:
            low, high = max(z, first), min(z + depth, first + shape[2])
            if low < high:
                place = weight[x : x + self._window.shape[0], y : y + self._window.shape[1], low - first : high - first]
                place += self._window[: place.shape[0], : place.shape[1], low - z : high - z]
        assert weight.min() > 0, "a voxel was never covered"
        return weight

    def _move(self, count: int) -> None:
        if count >= self._sum.shape[2]:
            self._sum[:] = 0
            return
        for plane in self._sum:  # one at a time, as an overlapping copy takes room
            plane[:, :-count] = plane[:, count:].copy()
            plane[:, -count:] = 0


def _starts(size: int, length: int, overlap: float) -> list[int]:
    count = _count(size, length, overlap)
    return [round(start) for start in np.linspace(0, max(0, size - length), count)]


def _count(size: int, length: int, overlap: float) -> int:
    return 1 + -(-max(0, size - length) // _stride(length, overlap))


def _stride(length: int, overlap: float) -> int:
    return max(1, int(length * (1 - overlap)))
