"""The knobs of the head phantom."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from modality_translate.settings import Settings

Misalignment = Literal["none", "rigid", "elastic"]


class PhantomSettings(Settings):
    """What is simulated, how finely, and with which imperfections. Lengths in mm, HU and SUV where said."""

    spacing: float = Field(2.0, ge=0.5, le=8)
    """Isotropic voxel size in mm. The field of view stays 192 x 240 x 240 mm."""
    lesions: float = Field(0.5, ge=0, le=1)
    """Probability of each kind of lesion (hot, plaque, calcification, tumour) in a subject."""
    variation: float = Field(1.0, ge=0, le=2)
    """Strength of the differences between subjects: size, pose, shape and tissue constants."""
    mr_noise: float = Field(0.03, ge=0, le=0.2)
    """Deviation of each Rician channel, relative to the reference tissue (T1, FLAIR: white matter; T2: CSF)."""
    bias: float = Field(0.2, ge=0, le=0.8)
    """Peak to peak strength of the multiplicative MR bias field: 0.2 gives about 0.9 to 1.1."""
    ct_noise: float = Field(12.0, ge=0, le=100)
    """HU noise of a 1 mm voxel; falls with the square root of the voxel size."""
    ct_texture: float = Field(0.5, ge=0, le=1)
    """Part of each tissue's own HU spread that appears as texture."""
    pet_noise: float = Field(0.18, ge=0, le=2)
    """Noise of a voxel with SUV 1; the variance grows with the activity."""
    misalign: Misalignment = "none"
    """How the MR side is moved against CT, PET and labels: rigid by 1 to 3 mm, elastic by `elastic`."""
    elastic: tuple[float, float] = (1.0, 5.0)
    """Elastic: range of each subject's largest displacement, in mm; its median is about 0.4 of the largest."""
