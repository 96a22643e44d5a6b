"""From bytes on disk to float32 numbers, slab by slab, with nothing unusable let through."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modality_translate.errors import VolumeError
from modality_translate.volumes.header import Header
from modality_translate.volumes.scratch import on_disk, rest
from modality_translate.volumes.stream import Stream
from modality_translate.volumes.volume import Array

SLAB = 2**20
"""Voxels converted at a time: bounds what is held besides the result."""


def read_voxels(stream: Stream, header: Header, scratch: Path | None = None) -> Array:
    """One frame (X, Y, Z), scaled in float64 and rounded once to float32; memory order is the file's (x fastest).

    With a folder `scratch` the array lies in a nameless file there.

    Raises VolumeError when a voxel is NaN or infinite, or becomes so when scaled.
    """
    size = math.prod(header.grid.shape)
    array = np.empty(size, np.float32) if scratch is None else on_disk((size,), np.float32, scratch)
    unusable = overflown = 0
    for start in range(0, array.size, SLAB):
        slab = array[start : start + SLAB]
        raw = np.frombuffer(stream.exactly(slab.size * header.stored.itemsize), header.stored)
        _scale_into(slab, raw, header)
        lost = 0 if header.always_finite else slab.size - int(np.isfinite(slab).sum())
        if lost:
            before = raw.size - int(np.isfinite(raw).sum())
            unusable, overflown = unusable + before, overflown + lost - before
        rest(array)
    if unusable:
        reason = f"holds {unusable} NaN or infinite voxels of {array.size}."
        raise VolumeError(stream.path, reason, "Replace them first, for example with numpy.nan_to_num.")
    if overflown:
        reason = f"has {overflown} voxels beyond the range of float32 once scaled."
        raise VolumeError(stream.path, reason, "Check scl_slope and scl_inter of its header.")
    return array.reshape(header.grid.shape, order="F")


def _scale_into(slab: Array, raw: NDArray[Any], header: Header) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        if (header.slope, header.inter) == (1, 0):
            slab[:] = raw
        else:
            slab[:] = raw.astype(np.float64) * header.slope + header.inter
