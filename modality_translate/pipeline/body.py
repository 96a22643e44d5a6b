"""Where the body is, by one level of the source: the rest is the target's background and is not run."""

from __future__ import annotations

import numpy as np

from modality_translate.intensities.scaling import HostUnits
from modality_translate.intensities.slabs import Slab, slabs
from modality_translate.volumes.volume import Array

MARGIN = 8
"""Voxels around the body, so that its dim edge is translated with it."""
WHOLE = (slice(None),) * 3


def body_box(array: Array, units: HostUnits, level: float | None) -> Slab | None:
    """The smallest box of `array` (X, Y, Z) that holds every voxel above `level` in host units, and a margin of 8.

    The whole volume without a level; none if no voxel is above.
    """
    if level is None:
        return WHOLE
    hit = [np.zeros(size, np.bool_) for size in array.shape]
    for place in slabs(array):
        above = units.of(array[place]) > level
        for axis, found in enumerate(hit):
            found[place[axis]] |= above.any(axis=tuple(other for other in range(3) if other != axis))
    if not hit[0].any():
        return None
    ends = [np.flatnonzero(found)[[0, -1]] for found in hit]
    x, y, z = (slice(max(0, int(first) - MARGIN), int(last) + 1 + MARGIN) for first, last in ends)
    return x, y, z
