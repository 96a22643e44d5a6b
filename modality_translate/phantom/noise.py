"""Smooth random fields on a lattice fixed in millimetres, so that a subject looks the same at every voxel size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from modality_translate.volumes.volume import Array

Line = NDArray[np.float64]
Point = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Lattice:
    """Nodes (I, J, K) every `step` mm from the world position `origin`; a cubic B-spline between them."""

    nodes: Array
    origin: Point
    step: float

    def sample(self, x: Line, y: Line, z: Line) -> Array:
        """Values (X, Y, Z) at the world positions of the three axes, in mm; the edges go on for ever."""
        return self.columns(y, z).rows(x)

    def columns(self, y: Line, z: Line) -> Columns:
        """The spline already worked out along y and z, for many calls along x."""
        _, j, k = self.origin
        nodes = _spline(self.nodes, (z - k) / self.step, 2)
        return Columns(_spline(nodes, (y - j) / self.step, 1), self.origin[0], self.step)


@dataclass(frozen=True, eq=False)
class Columns:
    """A lattice (I, Y, Z) that is still to be interpolated along x."""

    nodes: Array
    origin: float
    step: float

    def rows(self, x: Line) -> Array:
        return _spline(self.nodes, (x - self.origin) / self.step, 0)


def smooth_noise(rng: np.random.Generator, low: Point, high: Point, step: float, width: float) -> Lattice:
    """Zero mean, unit variance noise in the box from `low` to `high`, correlated over a Gaussian of `width` mm."""
    i, j, k = (int(np.ceil((b - a) / step)) + 3 for a, b in zip(low, high, strict=True))
    nodes = ndimage.gaussian_filter(rng.standard_normal((i, j, k), dtype=np.float32), width / step, mode="wrap")
    return Lattice(_unit(nodes), _before(low, step), step)


def folded_noise(rng: np.random.Generator, low: Point, high: Point, step: float, width: float) -> Lattice:
    """Signed distance in mm (kept within 8) to winding sheets about 5 times `width` apart.

    The sheets are the zero crossings of band-limited noise; dividing by its slope turns values into distances.
    """
    fine = smooth_noise(rng, low, high, step, width)
    nodes = _unit(fine.nodes - 0.9 * ndimage.gaussian_filter(fine.nodes, width / step, mode="wrap"))
    slope = np.sqrt(sum(g**2 for g in np.gradient(nodes, step)))
    return Lattice(np.clip(nodes / (slope + 0.3 * slope.mean()) * 1.2, -8, 8).astype(np.float32), fine.origin, step)


def _unit(nodes: Array) -> Array:
    centred = nodes - nodes.mean()
    return np.asarray(centred / max(float(centred.std()), 1e-12), np.float32)


def _before(low: Point, step: float) -> Point:
    x, y, z = low
    return x - step, y - step, z - step


def _spline(nodes: Array, position: Line, axis: int) -> Array:
    """Uniform cubic B-spline along one axis; written out because it is separable, and so 20 times faster than a map."""
    first = np.floor(position).astype(np.intp)
    f = (position - first).astype(np.float32)
    weights = ((1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, -3 * f**3 + 3 * f**2 + 3 * f + 1, f**3)
    shape = [1, 1, 1]
    shape[axis] = -1
    last = nodes.shape[axis] - 1
    taps = (
        nodes.take(np.clip(first + offset, 0, last), axis) * (weight / 6).reshape(shape)
        for offset, weight in zip((-1, 0, 1, 2), weights, strict=True)
    )
    total = np.asarray(next(taps), np.float32)
    for tap in taps:
        total += tap
    return total
