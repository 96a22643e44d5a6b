"""Where the body is, by one level of the source: the rest is the target's background and is not run."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import scipy
from numpy.typing import NDArray

from modality_translate.intensities.percentiles import percentiles
from modality_translate.intensities.scaling import HostUnits
from modality_translate.pipeline.spec import Tiling
from modality_translate.volumes.patches import reach
from modality_translate.volumes.slabs import Slab, shadows, span_of
from modality_translate.volumes.volume import Array, Shape

Seen = NDArray[np.bool_]
MARGIN = 8
"""Voxels around the body, so that its dim edge is translated with it."""
PITCHES = (32, 16, 8, 4, 2, 1)
"""The box of a slice begins at a multiple of one: boxes that follow every outline would shake from slice to slice."""
SQUARE = 3
"""Voxels above the level count as body where they fill a square of this side in a slice: noise seldom does."""
REACH = 7
"""A voxel of the body lies within this many voxels, along each axis, of such a square."""
FORGIVEN = 0.1
"""Percent of a body's voxels for which that need not hold: masks bridge gaps and fill holes with air."""


def body_boxes(array: Array, units: HostUnits, tiling: Tiling) -> list[Slab]:
    """Boxes of `array` (X, Y, Z) in which patches lie, in order of z: the whole volume without a level.

    With a level, the smallest box of every square of 3 x 3 voxels of a slice (X, Y) that are all above it in host
    units, and a margin of 8. For cores of one slice, every slice has its own, along x and y, by what its patches see,
    and none where they see no square; it is as large as the same number of patches allows, so that it can begin where
    those of its neighbours do.
    """
    level, halo = tiling.skip_below, tiling.halo[2]
    if level is None:
        x, y, z = (slice(0, size) for size in array.shape)
        return [(x, y, z)]
    square = _square(array)
    along_y, along_x = shadows(array, lambda part: _opened(units.of(part) > level, square), shared=SQUARE - 1)
    if tiling.core[2] > 1:
        return [_box(along_y, along_x, span_of(along_y, 1, MARGIN))] if along_y.any() else []
    seen = [slice(max(0, i - halo), i + halo + 1) for i in range(array.shape[2])]
    found = [_box(along_y[:, s], along_x[:, s], slice(i, i + 1)) for i, s in enumerate(seen) if along_y[:, s].any()]
    return [_steadied(box, array.shape, tiling) for box in found]


def _square(array: Array) -> Shape:
    """(X, Y, Z) of the square in a slice of `array`, as wide as an axis that is shorter."""
    return min(SQUARE, array.shape[0]), min(SQUARE, array.shape[1]), 1


def _opened(above: Seen, square: Shape) -> Seen:
    """Those of the voxels `above` that lie in a square of them; `above` is used up."""
    for axis, grow in ((0, False), (1, False), (0, True), (1, True)):
        line = np.moveaxis(above, axis, 0)
        for _ in range(square[axis] - 1):
            if grow:
                line[1:] |= line[:-1]
            else:
                line[:-1] &= line[1:]
                line[-1] = False
    return above


def _box(along_y: Seen, along_x: Seen, z: slice) -> Slab:
    return span_of(along_y, 0, MARGIN), span_of(along_x, 0, MARGIN), z


def _steadied(box: Slab, shape: Shape, tiling: Tiling) -> Slab:
    x, y = (_on_pitch(box[axis], shape[axis], tiling.core[axis], tiling.overlap) for axis in (0, 1))
    return x, y, box[2]


def _on_pitch(span: slice, size: int, core: int, overlap: float) -> slice:
    """`span` of an axis of `size`, lengthened to what its patches can cover, from the coarsest pitch that holds it."""
    length = reach(span.stop - span.start, core, overlap)
    if length >= size:
        return slice(0, size)
    starts = (min(span.start // pitch * pitch, size - length) for pitch in PITCHES)
    start = next(start for start in starts if start + length >= span.stop)
    return slice(start, start + length)


def darkest_body(array: Array, body: NDArray[np.bool_]) -> float:
    """The value that all but 0.1 % of the voxels of `body` have within 7 voxels; `array` (X, Y, Z) in host units.

    The least of the square of a slice that counts, as in `body_boxes`. Infinite without any body.
    """
    if not body.any():
        return math.inf
    near = scipy.ndimage.grey_opening(array, size=_square(array), mode="constant", cval=-np.inf)
    for axis in range(3):
        near = scipy.ndimage.maximum_filter1d(near, 2 * REACH + 1, axis=axis, mode="nearest")
    return percentiles(near, body, [FORGIVEN])[0]


def skip_level(background: float, darkest: Iterable[float]) -> float | None:
    """Half-way from air to the darkest body of the training volumes; none where they cannot be told apart.

    The darkest, not a typical one: what is wrongly taken for air is lost, and what is wrongly computed costs time only.
    """
    dark = min((value for value in darkest if value < math.inf), default=background)
    return background + (dark - background) / 2 if dark > background else None
