"""How much of the target's body lies where the source shows nothing: what is lost if air is not computed."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from modality_translate.intensities.foreground import Mask
from modality_translate.pipeline.body import MARGIN
from modality_translate.volumes.geometry import resample
from modality_translate.volumes.volume import Grid


def unseen_share(source: Mask, source_grid: Grid, target: Mask, target_grid: Grid) -> float:
    """Share, 0 to 1, of the body `target` that is further than 8 voxels within its slice from the body `source`.

    Masks are (X, Y, Z) on RAS+ grids. Voxels are those of `source_grid`; what lies beyond its field of view is never
    converted and does not count. 0 where the target shows no body there.
    """
    there = resample(target.astype(np.float32), target_grid, source_grid, 0.0) > 0.5
    near = source
    for axis in (0, 1):
        near = ndimage.maximum_filter1d(near, 2 * MARGIN + 1, axis=axis, mode="constant")
    return float((there & ~near).sum() / max(1, there.sum()))
