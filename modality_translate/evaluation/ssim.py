"""Structural similarity as the SynthRAD challenges compute it (public evaluation code of 2023 and 2025).

Arrays are (X, Y, Z); both measures are symmetric in the axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from skimage.metrics import structural_similarity

from modality_translate.evaluation.metrics import Limits, Mask, Values

Real = NDArray[np.float64]

WINDOW = 7
MARGIN = WINDOW // 2
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
# The coarsest of five scales must still hold one window: 6 * 2**4 + 1 voxels halve four times to 7.
SMALLEST_SIDE = (WINDOW - 1) * 2 ** (len(SCALE_WEIGHTS) - 1) + 1
K1, K2 = 0.01, 0.03


def ssim(predicted: Values, reference: Values, mask: Mask, limits: Limits) -> float:
    """Mean structural similarity over the mask, SynthRAD 2023.

    Both arrays are clipped to `limits` and set to the lower limit outside the mask; 7x7x7 uniform window, sample
    covariance; three voxels at every face are left out. NaN if a side is shorter than seven voxels or no masked voxel
    is left.
    """
    if min(reference.shape) < WINDOW:
        return math.nan
    a, b = _flooded(predicted, mask, limits), _flooded(reference, mask, limits)
    _, similarity = structural_similarity(a, b, data_range=limits[1] - limits[0], win_size=WINDOW, full=True)
    return _masked_mean(similarity, mask)


def ms_ssim(predicted: Values, reference: Values, mask: Mask, limits: Limits) -> float:
    """Multi-scale structural similarity over the mask, SynthRAD 2025; `limits` as for `ssim`.

    The product over five scales of the masked mean of L^w C^w S^w, all three terms weighted at every scale (Wang 2003
    weights luminance at the coarsest only; the challenge's code does not). Sides below 97 voxels are padded with their
    edge values, mask included. NaN if no masked voxel is left at one of the scales.
    """
    product = 1.0
    pyramid = _pyramid(_flooded(predicted, mask, limits), _flooded(reference, mask, limits), mask)
    for weight, (a, b, inside) in zip(SCALE_WEIGHTS, pyramid, strict=True):
        product *= _masked_mean(_similarity(a, b, limits[1] - limits[0]) ** weight, inside)
    return product


def _flooded(array: Values, mask: Mask, limits: Limits) -> Real:
    """Clipped, the lower limit outside the mask, and shifted so that the lower limit is 0."""
    low, high = limits
    return np.where(mask, np.clip(array.astype(np.float64), low, high) - low, 0.0)


def _masked_mean(similarity: Real, mask: Mask) -> float:
    core = (slice(MARGIN, -MARGIN),) * 3
    values = similarity[core][mask[core]]
    return float(values.mean()) if values.size else math.nan


def _pyramid(a: Real, b: Real, mask: Mask) -> Iterator[tuple[Real, Real, Mask]]:
    """The two images and the mask at five scales, each half the size of the one before."""
    missing = [max(0, SMALLEST_SIDE - side) for side in mask.shape]
    widths = [(n // 2, n - n // 2) for n in missing]
    a, b, mask = np.pad(a, widths, mode="edge"), np.pad(b, widths, mode="edge"), np.pad(mask, widths, mode="edge")
    yield a, b, mask
    for _ in SCALE_WEIGHTS[1:]:
        a, b, mask = _halved(a), _halved(b), mask[::2, ::2, ::2]
        yield a, b, mask


def _halved(array: Real) -> Real:
    """Means over 2x2x2 boxes reaching backwards, zeros before the first voxel, then every second voxel."""
    return uniform_filter(array, 2, mode="constant")[::2, ::2, ::2]


def _similarity(a: Real, b: Real, width: float) -> Real:
    """The map of luminance times contrast times structure over 7x7x7 uniform windows with sample covariances."""
    c1, c2 = (K1 * width) ** 2, (K2 * width) ** 2
    mean_a, mean_b = uniform_filter(a, WINDOW), uniform_filter(b, WINDOW)
    variance_a, variance_b = _covariance(a, a, mean_a, mean_a), _covariance(b, b, mean_b, mean_b)
    deviations = np.sqrt(np.maximum(variance_a, 0.0) * np.maximum(variance_b, 0.0))
    luminance = (2.0 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    contrast = (2.0 * deviations + c2) / (variance_a + variance_b + c2)
    structure = (_covariance(a, b, mean_a, mean_b) + c2 / 2.0) / (deviations + c2 / 2.0)
    return np.asarray(np.maximum(luminance, 0.0) * np.maximum(contrast, 0.0) * np.maximum(structure, 0.0), np.float64)


def _covariance(a: Real, b: Real, mean_a: Real, mean_b: Real) -> Real:
    voxels = WINDOW**3
    return (uniform_filter(a * b, WINDOW) - mean_a * mean_b) * (voxels / (voxels - 1))
