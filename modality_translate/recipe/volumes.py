"""What a recipe says of the volumes: where they are, what they mean, and how they are cut."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from modality_translate.intensities.modality import ModalityName
from modality_translate.intensities.scaling import Scaling
from modality_translate.pipeline.prepare import host_background
from modality_translate.pipeline.spec import Channel, Millimetres, Tiling
from modality_translate.settings import Settings


class Phantom(Settings):
    """Volumes the project makes itself, so that a recipe runs without any data."""

    subjects: int = Field(8, ge=2)
    held_out: int = Field(2, ge=1)
    """How many of the subjects are never trained on."""
    seed: int = 0
    spacing: float = Field(2.0, gt=0)
    """Isotropic voxel size in mm."""


class Data(Settings):
    """Where the volumes are and which ones are held out."""

    source: str = ""
    """Folder, or pattern with one `*` that stands for the case, such as "data/*/mr.nii.gz"; relative to the recipe."""
    target: str = ""
    pairs: str = ""
    """CSV with the columns case, source and target (files relative to the CSV), instead of matching by name: `source`
    and `target` are then not searched. Relative to the recipe."""
    phantom: Phantom | None = None
    """Make phantom volumes instead of reading a folder."""
    paired: bool = True
    """Source and target of a case show the same anatomy; matched by case name."""
    registration: Literal["none", "elastic"] = "none"
    """Pairs without PET. elastic: before training, each source is moved onto its target, by mutual information, and
    kept so where their edges then lie nearer. Nothing is moved where a model is scored or used. What reggan starts
    with, unless it is set."""
    held_out: tuple[str, ...] = ()
    """Cases neither trained on nor validated; scored at the end."""
    validation: int = Field(1, ge=0)
    """How many of the remaining cases are scored while training; drawn by the seed."""

    @model_validator(mode="after")
    def _has_volumes(self) -> Data:
        if self.phantom is None and not self.pairs and not (self.source and self.target):
            raise ValueError("both data.source and data.target are needed, or data.pairs, or a [data.phantom] table")
        return self

    @model_validator(mode="after")
    def _registers_pairs(self) -> Data:
        if self.registration != "none" and not self.paired:
            raise ValueError("data.registration is for pairs (data.paired = true)")
        return self


class Side(Settings):
    """One side of the translation."""

    modality: ModalityName
    scaling: Scaling | None = None
    """The modality's default when left out."""

    def channel(self) -> Channel:
        return Channel.of(self.modality, self.scaling)

    def air(self) -> float:
        """Air in the network's range."""
        channel = self.channel()
        return float(channel.scaling.fixed.forward(np.array([host_background(channel)], np.float32))[0])


class Geometry(Settings):
    """The grid and the patches the network sees."""

    spacing: Millimetres | None = None
    """Voxel size along R, A, S in mm; the training sources' median when left out."""
    dims: Literal[2, 3] = 2
    """2: slice by slice along the body axis; 3: volumetric patches."""
    context: int = Field(1, ge=1)
    """Number of neighbouring slices a 2D network sees (odd)."""
    patch: tuple[int, ...] = (128, 128)
    """Two sizes for dims = 2, three for dims = 3."""
    overlap: float = Field(0.5, ge=0, lt=1)
    skip_air: bool = False
    """Whether the model file carries a level of air, measured on the training sources: what lies below is the target's
    background and not computed. Faster, and air stays air; but where a source shows nothing, outside the scanner's
    field of view, the answer is air, too, and no guess. The plan turns it on where pairs show that nothing is lost."""

    @model_validator(mode="after")
    def _consistent(self) -> Geometry:
        if len(self.patch) != self.dims:
            raise ValueError(f"patch {self.patch} needs {self.dims} sizes because dims = {self.dims}")
        if self.context % 2 == 0:
            raise ValueError(f"context {self.context} must be odd: the middle slice is the one translated")
        if self.dims == 3 and self.context != 1:
            raise ValueError("context is for dims = 2 only; a 3D patch has its own depth")
        return self

    def tiling(self) -> Tiling:
        """Patch and halo in (X, Y, Z): a 2D network takes `context` slices and gives the middle one."""
        if self.dims == 3:
            x, y, z = self.patch
            return Tiling(patch=(x, y, z), overlap=self.overlap)
        x, y = self.patch
        return Tiling(patch=(x, y, self.context), halo=(0, 0, self.context // 2), overlap=self.overlap)


class Augmentation(Settings):
    """Random changes of training patches. Spatial ones are the same for source and target of a pair."""

    flip: Literal["", "x", "y", "xy"] = "x"
    """Axes along which half of the patches are mirrored: x is left-right, y front-back."""
    rotate: float = Field(0.0, ge=0, le=180)
    """Largest in-plane rotation, in degrees."""
    scale: float = Field(0.0, ge=0, lt=1)
    """Largest relative zoom."""
    bend: float = Field(0.0, ge=0, lt=1)
    """Strength of a smooth in-plane deformation: standard deviation at its 4 x 4 control points, in half patches."""
    moved: float = Field(0.3, ge=0, le=1)
    """Share of the patches that are rotated, zoomed and bent: interpolation blurs them, and what is translated is
    sharp."""
    mr_gamma: float = Field(0.0, ge=0, lt=1)
    """Largest relative change of the MR contrast curve (MR sources only; targets are never altered)."""
    mr_bias: float = Field(0.0, ge=0, lt=1)
    """Strength of a smooth multiplicative MR field (MR sources only)."""
    missing: float = Field(0.0, ge=0, le=1)
    """Share of the patches of which a part is blacked out in an MR source, as outside its field of view."""
    noise: float = Field(0.0, ge=0)
    """Standard deviation of noise added to the source, in the network's range."""
