"""Cutting a volume into patches and blending what a network made of them."""

from __future__ import annotations

from itertools import product

import numpy as np

from modality_translate.volumes.volume import Array, Shape

WEIGHT_UNITS = 4096
"""Weights are whole multiples of 1 / 4096, so that their sums, and with them a blended constant, are exact."""
LEAST_UNITS = 5
"""The floor of a weight, above 1e-3 of the largest."""


def corners(shape: Shape, core: Shape, overlap: float) -> list[Shape]:
    """Voxel at which each output core (X, Y, Z) starts, so that the cores cover `shape`, z fastest.

    Neighbours along an axis share at least the fraction `overlap` of the core, evenly spread; an axis no longer than
    the core has one corner, 0. Cores of depth 1 never overlap.
    """
    starts = [_starts(size, length, overlap) for size, length in zip(shape, core, strict=True)]
    return [(x, y, z) for x, y, z in product(*starts)]


def cut(array: Array, corner: Shape, patch: Shape, halo: Shape, background: float) -> Array:
    """The input patch (X, Y, Z) whose core, inside `halo` voxels at each side, starts at `corner`.

    What lies outside the array is `background`.
    """
    result = np.full(patch, background, np.float32)
    inside, into = [], []
    for start, margin, length, size in zip(corner, halo, patch, array.shape, strict=True):
        first = start - margin
        low, high = max(first, 0), min(first + length, size)
        inside.append(slice(low, max(low, high)))
        into.append(slice(low - first, max(low, high) - first))
    result[tuple(into)] = array[tuple(inside)]
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


class Blend:
    """The weighted mean of overlapping cores, exact where they agree."""

    def __init__(self, shape: Shape, core: Shape) -> None:
        self._window = weights(core)
        self._sum = np.zeros(shape, np.float64)
        self._weight = np.zeros(shape, np.float32)

    def add(self, corner: Shape, tile: Array) -> None:
        """Lay down one core (X, Y, Z) at its corner; what reaches beyond the volume is dropped."""
        place = tuple(slice(start, start + length) for start, length in zip(corner, tile.shape, strict=True))
        used = tuple(slice(0, length) for length in self._sum[place].shape)
        self._sum[place] += tile[used] * self._window[used].astype(np.float64)
        self._weight[place] += self._window[used]

    def result(self) -> Array:
        """The blended volume (X, Y, Z), float32. Every voxel must have been covered."""
        assert self._weight.min() > 0, "a voxel was never covered"
        return (self._sum / self._weight).astype(np.float32)


def _starts(size: int, length: int, overlap: float) -> list[int]:
    if size <= length:
        return [0]
    stride = max(1, int(length * (1 - overlap)))
    count = -(-(size - length) // stride) + 1
    return [round(start) for start in np.linspace(0, size - length, count)]
