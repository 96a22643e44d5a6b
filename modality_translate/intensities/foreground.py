"""Where the patient is: foreground of MR and PET, body mask of CT, and what a volume's numbers look like."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from modality_translate.intensities.components import largest_component
from modality_translate.intensities.modality import ModalityName
from modality_translate.volumes.scratch import empty_as, rest
from modality_translate.volumes.slabs import VOXELS, Slab, across, ends, slabs, slowest, thinned

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]

BODY_HU = -300.0
"""Above: soft tissue, fat and bone. Below: air, lung, and the foam of a couch."""
CLOSED_GAP = 3.0
"""Gaps up to about twice this many mm are bridged by the closing."""
SMOOTHED = 2.5
"""Axes with voxels up to this many mm are smoothed over three voxels, against the noise of air."""
COMPRESSION = 300.0
"""Gain of the logarithm before Otsu. On volumes with hot spots or a strong coil field, a threshold on plain values
keeps only the brightest tissue; with 300, air and body part on MR and PET alike."""
COMPRESSION_IN_AIR = 30.0
"""The same where nine tenths of the volume are air, whose noise a larger gain would spread."""
ENOUGH_VOXELS = 1_000_000
"""A threshold or a histogram needs no more samples than this."""
MASK_VOXELS = 2**23
"""About how many voxels of a mask are closed at a time."""


def sample(array: NDArray[Any], voxels: int = ENOUGH_VOXELS) -> NDArray[Any]:
    """Every n-th voxel along each axis of `array` (X, Y, Z), about `voxels` of them at most."""
    return thinned(array, sample_step(array.size, voxels))


def sample_step(size: int, voxels: int = ENOUGH_VOXELS) -> int:
    """The n of `sample` for a volume of `size` voxels."""
    return max(1, math.ceil(math.pow(size / voxels, 1 / 3)))


def foreground(array: Array, spacing: Spacing | None = None) -> Mask:
    """Tissue against air in an MR or PET volume (X, Y, Z) of any unit; the voxel size in mm is taken as 1 without one.

    Otsu's threshold of lightly smoothed, log-compressed values, then closing, the largest component, and holes filled
    slice by slice (axial). Empty only for a constant volume.
    """
    sizes = spacing or (1.0, 1.0, 1.0)
    widths = [3 if size <= SMOOTHED else 1 for size in sizes]
    least = ends(array)[0]
    threshold = _air_threshold(_smooth_sample(array, widths), least)
    bright = empty_as(array, np.bool_)
    any_bright = False
    for place, smooth in _smoothed(array, widths):
        # Smoothing alone would swell the edge; plain values alone would let the noise of air in.
        bright[place] = (smooth > threshold) & (array[place] > threshold)
        any_bright = any_bright or bool(bright[place].any())
        rest(bright)
    if not any_bright:
        bright = _above(array, least)
    return _filled(largest_component(_closed(bright, sizes)))


def body_mask(array: Array, modality: ModalityName, spacing: Spacing | None = None) -> Mask:
    """The patient's body in a volume (X, Y, Z) whose z axis runs along the body.

    CT, in HU: the largest face-connected component above -300 HU, holes filled slice by slice (axial).
    MR and PET: `foreground`.
    """
    if modality != "CT":
        return foreground(array, spacing)
    return _filled(largest_component(_above(array, BODY_HU)))


def guess_modality(array: Array) -> ModalityName | None:
    """CT if `array` (X, Y, Z) looks like HU: a mode of air near -1000 and soft tissue around 0; otherwise None.

    MR and PET cannot be told apart safely from their numbers.
    """
    values = sample(array)
    counts, edges = np.histogram(values, bins=np.arange(-1200.0, -299.0, 20.0))
    if counts.sum() < 0.01 * values.size:
        return None
    mode = edges[counts.argmax()]
    tissue = np.mean((values > -150.0) & (values < 150.0))
    return "CT" if -1100.0 <= mode <= -850.0 and tissue > 0.02 else None


def _smoothed(array: Array, widths: list[int]) -> Iterator[tuple[Slab, Array]]:
    """Slabs along z of `array` (X, Y, Z) smoothed by a box; no slab depends on where the others are cut."""
    reach, size = widths[2] // 2, array.shape[2]
    depth = max(1, VOXELS * size // array.size)
    for start in range(0, size, depth):
        first, stop = max(0, start - reach), min(size, start + depth)
        smooth = array[:, :, first : min(size, stop + reach)]
        for axis, width in enumerate(widths):
            smooth = _mean_of_three(smooth, axis) if width == 3 else smooth
        yield across(2, slice(start, stop)), smooth[:, :, start - first : stop - first]
        rest(array)


def _mean_of_three(array: Array, axis: int) -> Array:
    """Each voxel and its neighbours along `axis`, the edges repeated."""
    result = array.copy("K")
    values, sums = np.moveaxis(array, axis, 0), np.moveaxis(result, axis, 0)
    sums[1:] += values[:-1]
    sums[:1] += values[:1]
    sums[:-1] += values[1:]
    sums[-1:] += values[-1:]
    result /= np.float32(3)
    return result


def _smooth_sample(array: Array, widths: list[int]) -> NDArray[np.float64]:
    """Every n-th voxel along each axis of the smoothed `array`, in C order; n as `sample` takes it."""
    step = sample_step(array.size)
    parts = []
    for (_, _, z), smooth in _smoothed(array, widths):
        parts.append(smooth[::step, ::step, -z.start % step :: step].copy())  # a view would hold the slab
    return np.concatenate(parts, axis=2).astype(np.float64).ravel()


def _air_threshold(values: NDArray[np.float64], least: float) -> float:
    from skimage.filters import threshold_otsu

    lo, body, hi = np.percentile(values, [1.0, 90.0, 99.0])
    # Hot spots can fill several percent of a PET, so the scale is the 90th percentile, unless that is still air.
    scale, gain = (body - lo, COMPRESSION) if body - lo > 0.12 * (hi - lo) else (hi - lo, COMPRESSION_IN_AIR)
    if scale <= 0:
        return least
    compressed = np.log1p(gain * np.clip((values - lo) / scale, 0.0, 1.0))
    return float(lo + scale * np.expm1(threshold_otsu(compressed)) / gain)


def _above(array: Array, level: float) -> Mask:
    mask = empty_as(array, np.bool_)
    for place in slabs(array, mask):
        np.greater(array[place], level, out=mask[place])
    return mask


def _closed(mask: Mask, spacing: Spacing) -> Mask:
    """Closing with a box: separable, and thick slices are bridged only where they are thin enough."""
    times = [round(CLOSED_GAP / size) for size in spacing]
    axis, result = slowest(mask), empty_as(mask, np.bool_)
    for place in slabs(mask, result, voxels=MASK_VOXELS):
        first, stop = place[axis].start, place[axis].stop
        # What is bridged from further away than this does not reach the slab.
        wide = slice(max(0, first - 2 * times[axis]), stop + 2 * times[axis])
        closed = _closed_whole(mask[across(axis, wide)], times)
        result[place] = closed[across(axis, slice(first - wide.start, stop - wide.start))]
    return result


def _closed_whole(mask: Mask, times: list[int]) -> Mask:
    closed = mask
    for combine in (np.logical_or, np.logical_and):
        for axis, count in enumerate(times):
            for _ in range(count):
                closed = _with_neighbours(closed, axis, combine)
    return closed


def _with_neighbours(mask: Mask, axis: int, combine: np.ufunc) -> Mask:
    """Each voxel combined with its two neighbours along `axis`; beyond the edges there are none."""
    result = mask.copy("K")
    before, after = np.moveaxis(mask, axis, 0), np.moveaxis(result, axis, 0)
    combine(after[1:], before[:-1], out=after[1:])
    combine(after[:-1], before[1:], out=after[:-1])
    return result


def _filled(mask: Mask) -> Mask:
    """`mask` with the holes of each axial slice filled; equals scipy's binary_fill_holes of every slice."""
    filled = empty_as(mask, np.bool_)
    for z in range(mask.shape[2]):
        labels, count = scipy.ndimage.label(~mask[:, :, z])
        hole = np.ones(count + 1, np.bool_)
        hole[0] = False
        for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            hole[edge] = False
        filled[:, :, z] = mask[:, :, z] | hole[labels]
        rest(mask, filled)
    return filled
