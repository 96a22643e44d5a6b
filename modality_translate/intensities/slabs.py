"""A volume in bounded pieces, cut where its memory is slowest, so that statistics need no second volume."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

VOXELS = 2**21
"""About how many voxels a slab holds."""

Slab = tuple[slice, slice, slice]


def slabs(array: NDArray[Any], voxels: int = VOXELS) -> Iterator[Slab]:
    """Places that together cover `array` (X, Y, Z) once, in order along the axis of its largest stride."""
    axis = int(np.argmax(np.abs(array.strides)))
    size = array.shape[axis]
    depth = max(1, voxels * size // max(1, array.size))
    for start in range(0, size, depth):
        x, y, z = (slice(start, start + depth) if axis == other else slice(None) for other in range(3))
        yield x, y, z
