"""What the numbers of each modality mean: unit, background, display window, and how they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ModalityName = Literal["MR", "CT", "PET"]
StoredType = Literal["int16", "float32"]


@dataclass(frozen=True)
class Modality:
    """A modality's contract. `background` is air's value in `units`; `display` the default window (low, high)."""

    name: ModalityName
    units: str
    background: float
    display: tuple[float, float]
    stored: StoredType


MODALITIES: dict[ModalityName, Modality] = {
    "CT": Modality("CT", "HU", background=-1000.0, display=(-160.0, 240.0), stored="int16"),
    "MR": Modality("MR", "scaled MR", background=0.0, display=(0.0, 1000.0), stored="float32"),
    "PET": Modality("PET", "SUV", background=0.0, display=(0.0, 10.0), stored="float32"),
}
