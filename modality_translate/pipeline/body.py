"""Where the body is, by one level of the source: the rest is the target's background and is not run."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from modality_translate.intensities.percentiles import percentiles
from modality_translate.intensities.scaling import HostUnits
from modality_translate.volumes.slabs import Slab, box_of
from modality_translate.volumes.volume import Array

MARGIN = 8
"""Voxels around the body, so that its dim edge is translated with it."""
REACH = 7
"""A voxel of the body lies within this many voxels, along each axis, of one that is above the level."""
FORGIVEN = 0.1
"""Percent of a body's voxels for which that need not hold: masks bridge gaps and fill holes with air."""
WHOLE = (slice(None),) * 3


def body_box(array: Array, units: HostUnits, level: float | None) -> Slab | None:
    """The smallest box of `array` (X, Y, Z) that holds every voxel above `level` in host units, and a margin of 8.

    The whole volume without a level; none if no voxel is above.
    """
    if level is None:
        return WHOLE
    box = box_of(array, lambda part: units.of(part) > level)
    if box is None:
        return None
    x, y, z = (slice(max(0, span.start - MARGIN), span.stop + MARGIN) for span in box)
    return x, y, z


def darkest_body(array: Array, body: NDArray[np.bool_]) -> float:
    """The value that all but 0.1 % of the voxels of `body` have within 7 voxels; `array` (X, Y, Z) in host units.

    Infinite without any body.
    """
    if not body.any():
        return math.inf
    near = array
    for axis in range(3):
        near = ndimage.maximum_filter1d(near, 2 * REACH + 1, axis=axis, mode="nearest")
    return percentiles(near, body, [FORGIVEN])[0]


def skip_level(background: float, darkest: Iterable[float]) -> float | None:
    """Half-way from air to the darkest body of the training volumes; none where they cannot be told apart.

    The darkest, not a typical one: what is wrongly taken for air is lost, and what is wrongly computed costs time only.
    """
    dark = min((value for value in darkest if value < math.inf), default=background)
    return background + (dark - background) / 2 if dark > background else None
