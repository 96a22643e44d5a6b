"""How noisy a volume is and how uneven its coil field: two figures that need no reference."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from modality_translate.intensities.foreground import sample

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

LAPLACIAN = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])
"""Difference of two Laplacians (Immerkaer, 1996): blind to ramps and straight edges; sums to 36 in squares."""
GAIN = 6.0
MAD_TO_SIGMA = 1.4826
FIELD_VOXELS = 60_000
FIELD_WIDTH = 6
"""A coil field is what remains at a sixth of the field of view."""
ENOUGH_AIR = 1000


def noise_sigma(array: Array, body: Mask) -> float:
    """Standard deviation of the noise in `array` (X, Y, Z), in its unit: from the median absolute Laplacian in air.

    Inside `body` where air holds one value only (masked or clipped), which counts fine texture as noise. Magnitude MR
    shows 0.66 of its noise in air. Zero for a volume of fewer than 3 x 3 voxels.
    """
    x, y, z = array.shape
    if min(x, y) < 3:
        return 0.0
    middle = slice(z // 4, max(z // 4 + 1, z - z // 4))
    response = np.abs(scipy.ndimage.convolve(array[:, :, middle], LAPLACIAN[:, :, None], mode="nearest"))[1:-1, 1:-1]
    inside = body[1:-1, 1:-1, middle]
    air = response[~inside]
    sigma = _sigma(air) if air.size >= ENOUGH_AIR else 0.0
    return sigma or _sigma(response[inside])


def field_strength(array: Array, body: Mask) -> float:
    """How uneven the smooth part of `array` (X, Y, Z) is inside `body`: its relative standard deviation, 0 for none.

    Anatomy counts as well, so that a perfectly even MR of a limb reads about 0.1.
    """
    values, inside = sample(array, FIELD_VOXELS), sample(body, FIELD_VOXELS)
    inside = inside & (values > 0)
    if not inside.any():
        return 0.0
    logs = np.where(inside, np.log(np.where(inside, values, 1.0)), 0.0)
    widths = [size / FIELD_WIDTH for size in values.shape]
    weight = scipy.ndimage.gaussian_filter(inside.astype(np.float64), widths, mode="constant")
    smooth = scipy.ndimage.gaussian_filter(logs, widths, mode="constant")
    return float(np.std(smooth[inside] / weight[inside]))


def _sigma(response: Array) -> float:
    return float(np.median(response)) * MAD_TO_SIGMA / GAIN if response.size else 0.0
