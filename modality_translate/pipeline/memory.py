"""How much memory one translation takes besides the loaded model, from the volume's grid and the spec alone."""

from __future__ import annotations

import math

from modality_translate.intensities.scaling import Percentile
from modality_translate.pipeline.spec import Spec
from modality_translate.volumes.geometry import spaced
from modality_translate.volumes.volume import Grid

VOLUME, MASK = 4, 1
"""Bytes of a voxel: float32, and a truth value. Labels of components take as much as a volume."""
SUMS = 12
"""Bytes of a voxel that patches still reach: a float64 sum and a float32 weight."""
PIECES = 96 * 2**20
"""Slabs that are read, resampled, blended and packed at a time, and a batch of patches."""


def working_bytes(grid: Grid, spec: Spec) -> int:
    """The most that reading, translating and writing a volume on `grid` takes at once; the network's own not counted.

    Nothing is known of the voxels: with a level of air in the spec a body in air takes less.
    """
    inner = spaced(grid, spec.spacing) if spec.spacing is not None else grid
    native, worked = math.prod(grid.shape), math.prod(inner.shape)
    resampled = inner is not grid
    held = VOLUME * (native + (worked if resampled else 0))
    return (
        held
        + PIECES
        + max(
            _foreground(worked) if isinstance(spec.source.scaling, Percentile) else 0,
            VOLUME * worked + _sums(inner, spec),
            VOLUME * (worked + 2 * max(native, worked)) if resampled else 0,
        )
    )


def _foreground(voxels: int) -> int:
    """Labels, and the masks before, within and after them."""
    return (VOLUME + 3 * MASK) * voxels


def _sums(grid: Grid, spec: Spec) -> int:
    """Of the slices that one layer of patches reaches; the storage axis along the body is not known here."""
    across = sorted(grid.shape)[1:]
    return SUMS * math.prod(across) * min(spec.tiling.core[2], max(grid.shape))
