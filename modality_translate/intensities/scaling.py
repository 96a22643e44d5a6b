"""Intensities into the network's range [-1, 1] and exactly back.

A scaling has two parts. The *host* part may look at the whole volume (MR percentiles) and is applied outside the
network; the *fixed* part has constants only, is invertible from them alone, and travels inside the model file's graph.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from modality_translate.errors import RecipeError
from modality_translate.intensities.modality import ModalityName
from modality_translate.intensities.percentiles import percentiles
from modality_translate.settings import Settings

Array = NDArray[np.float32]


class HostUnits(NamedTuple):
    """The host part once it is fitted to a volume: (array - offset) * gain, both rounded to float32."""

    offset: float = 0.0
    gain: float = 1.0

    def of(self, array: Array) -> Array:
        """Any part of the volume in host units, float32; the array itself where units stay the same."""
        if self == SAME_UNITS:
            return array
        return np.asarray((array - np.float32(self.offset)) * np.float32(self.gain), np.float32)


SAME_UNITS = HostUnits()


class Window(Settings):
    """Linear from [lo, hi] (clipped) to [-1, 1]; the unit is the modality's own."""

    kind: Literal["window"] = "window"
    lo: float
    hi: float

    @model_validator(mode="after")
    def _ordered(self) -> Window:
        if not self.lo < self.hi:
            raise ValueError(f"lo {self.lo:g} must be below hi {self.hi:g}")
        return self

    @property
    def fixed(self) -> Window:
        return self

    @property
    def range(self) -> tuple[float, float]:
        """The values that `invert` can give."""
        return self.lo, self.hi

    def normalise(self, array: Array, mask: NDArray[np.bool_] | None = None) -> Array:  # noqa: ARG002
        """The host part: nothing, a window has no statistics."""
        return array

    def fitted(self, array: Array, mask: NDArray[np.bool_] | None = None) -> HostUnits:  # noqa: ARG002
        """What `normalise` does, to be applied piece by piece."""
        return SAME_UNITS

    def forward(self, array: Array) -> Array:
        """Host units to [-1, 1]."""
        scaled = (np.clip(array, self.lo, self.hi) - self.lo) * (2.0 / (self.hi - self.lo)) - 1.0
        return np.asarray(np.clip(scaled, -1.0, 1.0), np.float32)

    def invert(self, array: Array) -> Array:
        """[-1, 1] (clipped) to host units."""
        restored = (np.clip(array, -1.0, 1.0) + 1.0) * ((self.hi - self.lo) / 2.0) + self.lo
        return np.asarray(np.clip(restored, self.lo, self.hi), np.float32)


class Asinh(Settings):
    """Compression for long-tailed activity: linear below `knee`, logarithmic above, [0, hi] to [-1, 1]."""

    kind: Literal["asinh"] = "asinh"
    knee: float = Field(1.0, gt=0)
    hi: float = Field(30.0, gt=0)

    @property
    def fixed(self) -> Asinh:
        return self

    @property
    def range(self) -> tuple[float, float]:
        """The values that `invert` can give."""
        return 0.0, self.hi

    @property
    def gain(self) -> float:
        """asinh(hi / knee): what the largest value is compressed to."""
        return float(np.arcsinh(self.hi / self.knee))

    def normalise(self, array: Array, mask: NDArray[np.bool_] | None = None) -> Array:  # noqa: ARG002
        """The host part: nothing, the constants are fixed."""
        return array

    def fitted(self, array: Array, mask: NDArray[np.bool_] | None = None) -> HostUnits:  # noqa: ARG002
        """What `normalise` does, to be applied piece by piece."""
        return SAME_UNITS

    def forward(self, array: Array) -> Array:
        """Host units to [-1, 1]."""
        scaled = np.arcsinh(np.clip(array, 0.0, self.hi) / self.knee) * (2.0 / self.gain) - 1.0
        return np.asarray(np.clip(scaled, -1.0, 1.0), np.float32)

    def invert(self, array: Array) -> Array:
        """[-1, 1] (clipped) to host units."""
        restored = np.sinh((np.clip(array, -1.0, 1.0) + 1.0) * (self.gain / 2.0)) * self.knee
        return np.asarray(np.clip(restored, 0.0, self.hi), np.float32)


class Percentile(Settings):
    """MR: in-mask percentiles of each volume become 0 and `top` (host part), then a fixed window [0, top].

    As a target scaling it gives *scaled MR*: what is invertible is the fixed part, 0 to `top`.
    """

    kind: Literal["percentile"] = "percentile"
    low: float = Field(0.5, ge=0, lt=100)
    high: float = Field(99.5, gt=0, le=100)
    top: float = Field(1000.0, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Percentile:
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} must be below high {self.high:g}")
        return self

    @property
    def fixed(self) -> Window:
        return Window(lo=0.0, hi=self.top)

    def bounds(self, array: Array, mask: NDArray[np.bool_] | None = None) -> tuple[float, float]:
        """The two percentiles inside `mask` (everywhere without one), numpy's `linear` definition, in float64."""
        low, high = percentiles(array, mask if mask is not None and mask.any() else None, [self.low, self.high])
        return low, high

    def normalise(self, array: Array, mask: NDArray[np.bool_] | None = None) -> Array:
        """The host part: (array - p_low) / (p_high - p_low) * top; a constant volume becomes all 0."""
        return self.fitted(array, mask).of(array)

    def fitted(self, array: Array, mask: NDArray[np.bool_] | None = None) -> HostUnits:
        """What `normalise` does, to be applied piece by piece."""
        low, high = self.bounds(array, mask)
        return HostUnits(low, self.top / (high - low) if high > low else 0.0)


Fixed = Window | Asinh
Scaling = Annotated[Window | Asinh | Percentile, Field(discriminator="kind")]

DEFAULT_SCALINGS: dict[ModalityName, Window | Asinh | Percentile] = {
    # 3071 HU keeps dense bone; a narrower window cost 61 % of bone accuracy in published comparisons.
    "CT": Window(lo=-1024.0, hi=3071.0),
    "MR": Percentile(),
    "PET": Asinh(),
}


def check_invertible(name: str, scaling: Any) -> None:
    """Raise `RecipeError` unless `scaling` can bring a network's output back to units from constants alone."""
    if not hasattr(scaling, "fixed"):
        raise RecipeError(name, f"scaling {scaling!r} cannot be inverted", "Choose window, asinh or percentile.")
