"""Positron emission tomography: standardised uptake, blurred, with noise that grows with the activity."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from modality_translate.phantom.settings import PhantomSettings
from modality_translate.volumes.volume import Array

PSF = 5.0
"""Full width at half maximum of the scanner's blur, mm."""
FILTER = 4.0
"""Full width at half maximum of the filter after reconstruction: the grain of the noise, mm."""
_SIGMA_PER_WIDTH = 1 / np.sqrt(8 * np.log(2))


def acquire_pet(rng: np.random.Generator, uptake: Array, settings: PhantomSettings) -> Array:
    """A PET (X, Y, Z) in SUV from the true uptake; the noise variance is `pet_noise`^2 times the blurred uptake."""
    blurred = blur(uptake, settings.spacing)
    noise = ndimage.gaussian_filter(
        rng.standard_normal(uptake.shape, np.float32), FILTER * _SIGMA_PER_WIDTH / settings.spacing
    )
    noise *= settings.pet_noise / max(float(noise.std()), 1e-12)
    return np.asarray(np.maximum(blurred + noise * np.sqrt(np.maximum(blurred, 0)), 0), np.float32)


def blur(uptake: Array, spacing: float) -> Array:
    """The uptake as the scanner resolves it."""
    return np.asarray(ndimage.gaussian_filter(uptake, PSF * _SIGMA_PER_WIDTH / spacing), np.float32)
