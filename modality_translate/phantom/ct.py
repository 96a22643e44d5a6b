"""Computed tomography: Hounsfield units with texture, blur and the grain of reconstructed noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from modality_translate.phantom.settings import PhantomSettings
from modality_translate.volumes.volume import Array

RANGE = (-1024.0, 3071.0)
"""What 12 bits hold, HU."""
PSF = 1.0
"""Full width at half maximum of the scanner's blur, mm."""
_SIGMA_PER_WIDTH = 1 / np.sqrt(8 * np.log(2))
_TEXTURE_MM = 2.5


def acquire_ct(rng: np.random.Generator, hu: Array, spread: Array, settings: PhantomSettings) -> Array:
    """A CT (X, Y, Z) in whole HU from the mean HU and the tissue's own `spread` of HU in every voxel."""
    spacing = settings.spacing
    texture = ndimage.gaussian_filter(rng.standard_normal(hu.shape, np.float32), _TEXTURE_MM / spacing)
    image = hu + settings.ct_texture * spread * _unit(texture)
    if spacing <= PSF:
        # In larger voxels the average over the voxel is already wider than the blur.
        image = ndimage.gaussian_filter(image, PSF * _SIGMA_PER_WIDTH / spacing)
    image += settings.ct_noise / np.sqrt(spacing) * grain(rng, hu.shape)
    return np.asarray(np.clip(np.round(image), *RANGE), np.float32)


def grain(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Unit noise whose spectrum rises like the reconstruction's ramp and falls at the edge of the band, in plane."""
    white = rng.standard_normal(shape, np.float32)
    fine = ndimage.gaussian_filter(white, (0.5, 0.5, 0.0))
    return _unit(fine - 0.8 * ndimage.gaussian_filter(white, (1.5, 1.5, 0.0)))


def _unit(noise: Array) -> Array:
    return np.asarray((noise - noise.mean()) / max(float(noise.std()), 1e-12), np.float32)
