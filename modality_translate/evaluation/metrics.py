"""What the scores are: mean absolute error, signal-to-noise, per tissue error and tracer bias, inside a mask.

MAE, PSNR and the two structural similarities (see `ssim`) follow the code of the SynthRAD challenges of 2023 and 2025,
quirks included, so that the figures compare with published ones. Arrays are (X, Y, Z) in the modality's own unit;
all sums are in float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from modality_translate.intensities.modality import ModalityName

Values = NDArray[Any]
Mask = NDArray[np.bool_]
Limits = tuple[float, float]
Protocol = Literal["synthrad2023", "synthrad2025"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

CT_LIMITS: dict[Protocol, Limits] = {"synthrad2023": (-1024.0, 3000.0), "synthrad2025": (-1024.0, 3071.0)}
MR_LIMITS: Limits = (0.0, 1000.0)

AIR_BELOW, BONE_ABOVE = -200.0, 250.0


@dataclass(frozen=True)
class Metric:
    """How one score is shown and read. An empty unit stands for a pure number, `own` for the modality's unit."""

    label: str
    unit: str
    best: Literal["low", "high", "zero"]
    digits: int
    definition: str


METRICS: dict[str, Metric] = {
    "mae": Metric("MAE", "own", "low", 2, "mean absolute error inside the mask, values not clipped"),
    "psnr": Metric(
        "PSNR", "dB", "high", 2, "10 log10(R² / MSE) inside the mask, both images clipped to the value range of width R"
    ),
    "ms_ssim": Metric(
        "MS-SSIM",
        "",
        "high",
        4,
        "multi-scale structural similarity of SynthRAD 2025: five scales, 7×7×7 uniform window, luminance, contrast and"
        " structure weighted at every scale, masked mean per scale",
    ),
    "ssim": Metric(
        "SSIM", "", "high", 4, "structural similarity of SynthRAD 2023: 7×7×7 uniform window, mean inside the mask"
    ),
    "mae_air": Metric("MAE air", "own", "low", 1, f"MAE where the reference is below {AIR_BELOW:g} HU (gas, lung)"),
    "mae_soft": Metric(
        "MAE soft", "own", "low", 1, f"MAE where the reference is from {AIR_BELOW:g} to {BONE_ABOVE:g} HU"
    ),
    "mae_bone": Metric("MAE bone", "own", "low", 1, f"MAE where the reference is above {BONE_ABOVE:g} HU"),
    "suv_bias": Metric(
        "SUV bias", "%", "zero", 2, "(mean of prediction - mean of reference) / mean of reference × 100"
    ),
}


def unit_of(metric: str, units: str) -> str:
    """The unit of a score: its own, or that of the modality (`units`) for absolute errors."""
    unit = METRICS[metric].unit
    return units if unit == "own" else unit


def limits_of(modality: ModalityName, protocol: Protocol, reference: Values, mask: Mask) -> Limits:
    """The value range (low, high) PSNR and SSIM clip to and divide by.

    CT: that of the protocol. MR: 0 to 1000, scaled MR. PET: 0 to the largest reference value inside the mask, since
    activity has no upper bound of its own; such figures compare within a case, and between cases only with care.
    """
    if modality == "CT":
        return CT_LIMITS[protocol]
    if modality == "MR":
        return MR_LIMITS
    top = float(reference[mask].max(initial=0.0))
    return 0.0, top if top > 0 else 1.0


def mae(predicted: Values, reference: Values, mask: Mask) -> float:
    """Mean absolute error over the mask, in the arrays' unit; nothing is clipped. NaN for an empty mask."""
    difference = np.abs(predicted[mask].astype(np.float64) - reference[mask])
    return float(difference.mean()) if difference.size else math.nan


def psnr(predicted: Values, reference: Values, mask: Mask, limits: Limits) -> float:
    """Peak signal-to-noise ratio in dB over the mask, both arrays clipped to `limits`; infinite for equal arrays."""
    low, high = limits
    clipped = [np.clip(array[mask].astype(np.float64), low, high) for array in (predicted, reference)]
    if not clipped[0].size:
        return math.nan
    error = float(np.mean((clipped[0] - clipped[1]) ** 2))
    return 10.0 * math.log10((high - low) ** 2 / error) if error > 0 else math.inf


def tissue_mae(predicted: Values, reference: Values, mask: Mask) -> dict[str, float]:
    """MAE in HU of air, soft tissue and bone inside the mask, told apart by the reference's HU.

    Air is below -200 HU, bone above 250 HU, soft tissue (fat included) between. A tissue that the reference does not
    have inside the mask is left out of the result: it has no error, and 0 would read as a perfect one.
    """
    tissues = {
        "mae_air": mask & (reference < AIR_BELOW),
        "mae_soft": mask & (reference >= AIR_BELOW) & (reference <= BONE_ABOVE),
        "mae_bone": mask & (reference > BONE_ABOVE),
    }
    return {name: mae(predicted, reference, tissue) for name, tissue in tissues.items() if tissue.any()}


def suv_bias(predicted: Values, reference: Values, mask: Mask) -> float:
    """Relative bias of the mean activity inside the mask, in percent; NaN where the reference has no activity."""
    truth = float(reference[mask].mean(dtype=np.float64)) if mask.any() else 0.0
    if truth <= 0:
        return math.nan
    return 100.0 * (float(predicted[mask].mean(dtype=np.float64)) - truth) / truth
