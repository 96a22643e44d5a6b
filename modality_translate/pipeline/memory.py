"""How much memory one translation takes besides the loaded model, from the volume's grid and the spec alone."""

from __future__ import annotations

import math

from modality_translate.intensities.scaling import Percentile
from modality_translate.pipeline.spec import Spec
from modality_translate.volumes.geometry import spaced
from modality_translate.volumes.volume import Grid

VOLUME, MASK = 4, 1
"""Bytes of a voxel: float32, and a truth value."""
SUMS = 8
"""Bytes of a voxel that patches still reach: a float64 sum."""
PIECES = 96 * 2**20
"""Slabs that are read, resampled, labelled, blended and packed at a time, and a batch of patches."""


def working_bytes(grid: Grid, spec: Spec) -> int:
    """The most that reading, translating and writing a volume on `grid` takes at once; the network's own not counted.

    The answer takes the place of the voxels it was made from (`overwrite_source` of `translate`). Nothing is known of
    the voxels: with a level of air in the spec a body in air takes less.
    """
    inner = _inner(grid, spec)
    native, worked = math.prod(grid.shape), math.prod(inner.shape)
    resampled = inner is not grid
    return (
        VOLUME * (native + (worked if resampled else 0))
        + PIECES
        + max(
            _foreground(worked) if isinstance(spec.source.scaling, Percentile) else 0,
            _sums(inner, spec),
            VOLUME * 2 * max(native, worked) if resampled else 0,
        )
    )


def streamed_bytes(grid: Grid, spec: Spec) -> int:
    """The same with every array as large as a volume on disk: the voxels that one layer of patches reaches are left."""
    inner = _inner(grid, spec)
    return PIECES + _sums(inner, spec) + _layer(inner, spec.tiling.patch[2], VOLUME)


def _inner(grid: Grid, spec: Spec) -> Grid:
    return spaced(grid, spec.spacing) if spec.spacing is not None else grid


def _foreground(voxels: int) -> int:
    """The mask before, within and after its largest component is taken."""
    return 3 * MASK * voxels


def _sums(grid: Grid, spec: Spec) -> int:
    """Of the slices that one layer of patches reaches; the storage axis along the body is not known here."""
    return _layer(grid, spec.tiling.core[2], SUMS)


def _layer(grid: Grid, depth: int, each: int) -> int:
    across = sorted(grid.shape)[1:]
    return each * math.prod(across) * min(depth, max(grid.shape))
