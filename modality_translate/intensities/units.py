"""Whether a volume's numbers can be in the unit of its modality at all."""

from __future__ import annotations

import numpy as np

from modality_translate.intensities.foreground import Array, body_mask, guess_modality, sample
from modality_translate.intensities.modality import ModalityName

WARMEST_LOW = -50.0
"""HU: a CT has at least 1 % of its voxels below, in air or fat."""
COLDEST_LOW = -1100.0
HIGHEST_SUV = 100.0
"""For the 99th percentile in the body; activity in Bq/ml is in the thousands."""


def strange_units(
    modality: ModalityName, low: float, high: float, guess: ModalityName | None, wanted: str = "expected is"
) -> str | None:
    """Why values cannot be those of `modality`, in plain words with numbers; None if they can.

    `low` is the 1st percentile of the volume, `high` the 99th of its body, `guess` what `guess_modality` says of it;
    `wanted` names who asks for `modality`.
    """
    if modality != "CT" and guess == "CT":
        return f"{wanted} {modality}, but the values look like CT in HU: air near -1000 (1 % lie below {low:.4g})"
    if modality == "CT" and low > WARMEST_LOW:
        return (
            f"the values are not HU: 1 % of the voxels lie below {low:.4g}, where CT has air (-1000) or "
            "fat (-100); it looks like MR or PET, or like CT that was rescaled or stored with an offset (often 1024)"
        )
    if modality == "CT" and low < COLDEST_LOW and guess is None:
        return (
            f"the values are not HU: 1 % of the voxels lie below {low:.4g}, and there is no soft tissue around 0 "
            "beside air around -1000; it looks like CT stored with an offset"
        )
    if modality == "PET" and high > HIGHEST_SUV:
        looks = "it looks like activity in Bq/ml, or like MR"
        return f"the values are not SUV: 1 % of the body lies above {high:.4g}; {looks}"
    return None


def strange_values(array: Array, modality: ModalityName) -> str | None:
    """`strange_units` of a volume (X, Y, Z)."""
    values = sample(array)
    high = 0.0
    if modality == "PET":
        inside = values[body_mask(values, modality)]
        high = float(np.percentile(inside if inside.size else values, 99.0))
    return strange_units(modality, float(np.percentile(values, 1.0)), high, guess_modality(array))
