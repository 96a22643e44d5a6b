"""Implicit shapes in the head's own frame: signed distances in mm, negative inside, and painting by label."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from modality_translate.phantom.noise import Point
from modality_translate.phantom.tissues import Label
from modality_translate.volumes.volume import Array

Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Number = float | Array


@dataclass(frozen=True, eq=False)
class Region:
    """A block of points (X, Y, Z): head coordinates in mm, two random fields and the labels being painted."""

    x: Array
    y: Array
    z: Array
    fold: Array
    """Signed distance to the sulcal sheets, mm."""
    rough: Array
    """Smooth noise of unit variance."""
    labels: Labels
    lesions: Labels

    def within(self, low: Point, high: Point) -> Region:
        """The sub-block (views) that holds every point of the box from `low` to `high`; possibly empty."""
        cuts = []
        for axis, (values, a, b) in enumerate(zip((self.x, self.y, self.z), low, high, strict=True)):
            others = tuple(other for other in range(3) if other != axis)
            inside = (values.max(axis=others, initial=-1e9) >= a) & (values.min(axis=others, initial=1e9) <= b)
            hits = np.flatnonzero(inside)
            cuts.append(slice(int(hits[0]), int(hits[-1]) + 1) if hits.size else slice(0, 0))
        return Region(*(getattr(self, f.name)[tuple(cuts)] for f in fields(self)))

    def around(self, *points: Point, reach: float) -> Region:
        """The sub-block within `reach` mm of the box that spans the points."""
        low, high = np.min(points, axis=0) - reach, np.max(points, axis=0) + reach
        return self.within((low[0], low[1], low[2]), (high[0], high[1], high[2]))

    def paint(self, mask: Mask, label: Label) -> None:
        np.putmask(self.labels, mask, label)


def ellipsoid(region: Region, centre: Point, radii: Point) -> Array:
    """Distance to an ellipsoid, to first order (Quilez): exact at the surface, good within a few mm of it."""
    x, y, z = region.x - centre[0], region.y - centre[1], region.z - centre[2]
    a, b, c = (np.float32(1 / r**2) for r in radii)
    x *= x
    y *= y
    z *= z
    near = np.sqrt(x * a + y * b + z * c)
    slope = np.sqrt(x * a**2 + y * b**2 + z * c**2)
    return np.asarray(near * (near - 1) / np.maximum(slope, 1e-6), np.float32)


def capsule(region: Region, start: Point, end: Point, radius: Number) -> Array:
    """Distance to the tube of `radius` mm along the segment from `start` to `end`."""
    along = np.subtract(end, start).astype(np.float32)
    x, y, z = region.x - np.float32(start[0]), region.y - np.float32(start[1]), region.z - np.float32(start[2])
    t = (x * along[0] + y * along[1] + z * along[2]) / np.float32(max(float(along @ along), 1e-6))
    t = np.clip(t, 0, 1)
    square = (x - t * along[0]) ** 2 + (y - t * along[1]) ** 2 + (z - t * along[2]) ** 2
    return np.asarray(np.sqrt(square) - radius, np.float32)


def smooth_union(a: Array, b: Array, blend: float) -> Array:
    """The union of two shapes whose seam is rounded over `blend` mm."""
    h = np.maximum(blend - np.abs(a - b), 0) / np.float32(blend)
    return np.asarray(np.minimum(a, b) - h * h * np.float32(blend / 4), np.float32)


def blob(region: Region, centre: Point, radii: Point, *layers: tuple[float, Label]) -> None:
    """Paint an ellipsoid in layers from outside to inside: each reaches from its depth in mm to the centre."""
    box = _box(region, centre, radii)
    distance = ellipsoid(box, centre, radii)
    for depth, label in layers:
        box.paint(distance < -depth, label)


def tube(region: Region, points: list[Point], radius: float, *layers: tuple[float, Label]) -> None:
    """Paint a bent tube in layers from outside to inside: each reaches from its depth in mm to the axis."""
    box = region.around(*points, reach=radius)
    pairs = pairwise(points)
    distance = np.minimum.reduce([capsule(box, start, end, radius) for start, end in pairs])
    for depth, label in layers:
        box.paint(distance < -depth, label)


def _box(region: Region, centre: Point, radii: Point) -> Region:
    (x, y, z), (a, b, c) = centre, radii
    return region.within((x - a, y - b, z - c), (x + a, y + b, z + c))
