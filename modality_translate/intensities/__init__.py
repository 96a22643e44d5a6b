"""What a volume's numbers mean: modalities, scalings there and back, and where the patient is."""

from modality_translate.intensities.foreground import BODY_HU, body_mask, foreground, guess_modality
from modality_translate.intensities.modality import MODALITIES, Modality, ModalityName, StoredType
from modality_translate.intensities.scaling import (
    DEFAULT_SCALINGS,
    Asinh,
    HostUnits,
    Percentile,
    Scaling,
    Window,
    check_invertible,
)

__all__ = [
    "BODY_HU",
    "DEFAULT_SCALINGS",
    "MODALITIES",
    "Asinh",
    "HostUnits",
    "Modality",
    "ModalityName",
    "Percentile",
    "Scaling",
    "StoredType",
    "Window",
    "body_mask",
    "check_invertible",
    "foreground",
    "guess_modality",
]
