"""From volumes to pictures a reader of medical images expects: planes, sides, proportions and windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from modality_translate.evaluation.metrics import Mask
from modality_translate.intensities.modality import MODALITIES, ModalityName

Plane = Literal["axial", "coronal", "sagittal"]
PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")
_THROUGH: dict[Plane, int] = {"axial": 2, "coronal": 1, "sagittal": 0}

DIFFERENCE: dict[ModalityName, float] = {"CT": 300.0, "MR": 300.0, "PET": 2.0}
"""Where the colours of a difference image saturate, in the modality's unit."""


@dataclass(frozen=True)
class Slice:
    """One plane through a volume at a voxel index of the axis it stands on."""

    plane: Plane
    index: int

    def of(self, array: NDArray[Any]) -> NDArray[Any]:
        """The picture (rows, columns) of a RAS+ array (X, Y, Z), as radiologists look at it.

        Axial: patient's right on the left, front up. Coronal: right on the left, head up. Sagittal: front on the
        left, head up.
        """
        return np.asarray(np.take(array, self.index, axis=_THROUGH[self.plane]).T[::-1, ::-1])

    def pixel(self, spacing: tuple[float, float, float]) -> tuple[float, float]:
        """Height and width of a pixel in mm, from the voxel sizes along R, A, S."""
        width, height = (side for axis, side in enumerate(spacing) if axis != _THROUGH[self.plane])
        return height, width

    @property
    def sides(self) -> tuple[str, str, str]:
        """The patient's side at the picture's left, right and top edge."""
        left, right = ("A", "P") if self.plane == "sagittal" else ("R", "L")
        return left, right, "A" if self.plane == "axial" else "S"


def central_slices(mask: Mask) -> list[Slice]:
    """Axial, coronal and sagittal slices through the middle of the mask's bounding box (X, Y, Z)."""
    middle = [int(np.mean(np.flatnonzero(mask.any(axis=others))[[0, -1]])) for others in ((1, 2), (0, 2), (0, 1))]
    return [Slice(plane, middle[_THROUGH[plane]]) for plane in PLANES]


@dataclass(frozen=True)
class Window:
    """The values shown as black and as white, and their unit."""

    low: float
    high: float
    units: str

    @classmethod
    def of(cls, modality: ModalityName) -> Window:
        """The modality's default display window."""
        contract = MODALITIES[modality]
        return cls(*contract.display, contract.units)

    @classmethod
    def fitted(cls, array: NDArray[Any], mask: Mask, units: str = "as stored") -> Window:
        """From the 0.5th to the 99.5th percentile inside the mask: for sources in arbitrary units."""
        low, high = (float(edge) for edge in np.percentile(array[mask].astype(np.float64), [0.5, 99.5]))
        return cls(low, high if high > low else low + 1.0, units)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g} {self.units}"
