"""What travels with a model: everything a host needs to prepare a volume and to restore the output."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from modality_translate.intensities.modality import MODALITIES, ModalityName, StoredType
from modality_translate.intensities.scaling import DEFAULT_SCALINGS, Scaling
from modality_translate.settings import Settings

SCHEMA_VERSION: Literal[1] = 1

PrecisionName = Literal["fp32", "fp16", "int8"]
Triple = tuple[int, int, int]
Millimetres = tuple[float, float, float]
Spacing = Annotated[float, Field(ge=0.01, le=100)]

LARGEST_PATCH = 2**27
"""Voxels; as float32 half a gigabyte."""
MOST_WORK = 4096
"""How many voxels a network may be given for each voxel of a volume, by halo and overlap together."""


class Channel(Settings):
    """One side of a translation: what its numbers mean and how they are scaled."""

    modality: ModalityName
    units: str
    """HU, SUV or scaled MR."""
    background: float
    """The value of air, used to pad outside the field of view."""
    scaling: Scaling
    display: tuple[float, float]
    """Window (low, high) a viewer should open with."""
    stored: StoredType
    """Number type of written volumes."""

    @classmethod
    def of(cls, modality: ModalityName, scaling: Scaling | None = None) -> Channel:
        """The modality's contract, with its default scaling unless another is given."""
        contract = MODALITIES[modality]
        return cls(
            modality=modality,
            units=contract.units,
            background=contract.background,
            scaling=scaling or DEFAULT_SCALINGS[modality],
            display=contract.display,
            stored=contract.stored,
        )


class Tiling(Settings):
    """How a prepared volume is cut for the network and put together again."""

    patch: Triple
    """Input shape (X, Y, Z) of the network; for a slice-wise network Z is the number of context slices."""
    halo: Triple = (0, 0, 0)
    """Voxels at each side of the patch that are context only: the output is smaller by twice the halo."""
    overlap: float = Field(0.5, ge=0, lt=1)
    """Shared fraction of neighbouring output patches along axes that need more than one; 0 along axes of depth 1."""

    skip_below: float | None = None
    """Host units of the source: where no square of 3 x 3 voxels is above, nothing is run. None: all is run."""

    @model_serializer(mode="wrap")
    def _without_absent_level(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Readers that do not know the level yet read files without one."""
        fields: dict[str, Any] = handler(self)
        return {key: value for key, value in fields.items() if key != "skip_below" or value is not None}

    @model_validator(mode="after")
    def _halo_leaves_an_output(self) -> Tiling:
        if any(p < 1 or h < 0 or p - 2 * h < 1 for p, h in zip(self.patch, self.halo, strict=True)):
            raise ValueError(f"patch {self.patch} with halo {self.halo} leaves no output")
        return self

    @model_validator(mode="after")
    def _can_be_afforded(self) -> Tiling:
        if math.prod(self.patch) > LARGEST_PATCH:
            raise ValueError(f"patch {self.patch} has more than {LARGEST_PATCH} voxels")
        strides = [max(1, int(n * (1 - self.overlap))) for n in self.core]
        work = math.prod(self.patch) / math.prod(strides)
        if work > MOST_WORK:
            raise ValueError(f"halo and overlap multiply the work by {work:.0f}, more than {MOST_WORK}")
        return self

    @property
    def core(self) -> Triple:
        """Output shape of the network: the patch without its halo."""
        x, y, z = (p - 2 * h for p, h in zip(self.patch, self.halo, strict=True))
        return x, y, z


class Envelope(Settings):
    """The range of the training sources; a volume far outside it is refused (raw units of the source)."""

    spacing: tuple[Millimetres, Millimetres]
    """Smallest and largest voxel size seen along R, A, S, in mm."""
    extent: tuple[Millimetres, Millimetres]
    """Smallest and largest field of view seen along R, A, S, in mm."""
    low: tuple[float, float]
    """Smallest and largest 1st percentile of all voxels."""
    median: tuple[float, float]
    """Smallest and largest in-foreground median."""
    high: tuple[float, float]
    """Smallest and largest 99th percentile of the foreground."""
    cases: int


class SelfTest(Settings):
    """A formula patch and what the graph must answer, so that any host can prove its own wiring.

    The input patch is lo + (hi - lo) * (0.5 + 0.5 * sin(0.37 x + 0.23 y + 0.11 z)) with voxel indices x, y, z and
    (lo, hi) the range of the source's fixed scaling.
    """

    mean: float
    std: float
    samples: tuple[float, ...]
    """Output values at equally spaced flat (C-order) indices, first and last included."""
    tolerance: float
    """Largest allowed absolute difference, in output units."""


class Spec(Settings):
    """The contract of one model file."""

    version: Literal[1] = SCHEMA_VERSION
    name: str
    source: Channel
    target: Channel
    orientation: Literal["RAS"] = "RAS"
    """Axis order and directions of patches: x to the right, y to the front, z to the head."""
    spacing: tuple[Spacing, Spacing, Spacing] | None = None
    """Voxel size (R, A, S) the network was trained at, in mm; none keeps each volume's own."""
    tiling: Tiling
    blend: Literal["gaussian"] = "gaussian"
    envelope: Envelope | None = None
    accuracy: dict[str, float] = Field(default_factory=dict)
    """Means over the held-out cases, such as {"cases": 4, "mae": 66.1}, in output units."""
    versions: dict[str, str] = Field(default_factory=dict)
    self_test: SelfTest | None = None
    precision: PrecisionName = "fp32"
    """Number type of most of the network's arithmetic; weights and operators in the graph follow it."""
    precision_error: float | None = Field(None, ge=0)
    """Mean absolute difference from the fp32 graph on real volumes, on the worst engine, in output units; none for
    fp32."""

    def canonical_json(self) -> str:
        """Compact JSON with sorted keys: the same spec always gives the same text."""
        # fp32 files stay readable by hosts that know of no variants.
        without = {"precision", "precision_error"} if self.precision == "fp32" else None
        fields = self.model_dump(mode="json", exclude=without)
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
