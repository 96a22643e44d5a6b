from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erf

from modality_translate.phantom import PhantomSettings
from modality_translate.phantom.pet import PSF, acquire_pet, blur

SPACING = 1.0


def ball(radius: float) -> np.ndarray:
    axes = np.ogrid[-20:21, -20:21, -20:21]
    return (sum(a**2 for a in axes) <= radius**2).astype(np.float32)


def recovery(radius: float) -> float:
    """Peak of a blurred unit ball, in closed form, with the radius of the ball's true volume."""
    volume_radius = (ball(radius).sum() * 3 / (4 * np.pi)) ** (1 / 3)
    t = volume_radius / (PSF / np.sqrt(8 * np.log(2)))
    return float(erf(t / np.sqrt(2)) - np.sqrt(2 / np.pi) * t * np.exp(-(t**2) / 2))


@pytest.mark.parametrize("radius", [2, 3, 4, 6, 10])
def test_small_lesions_recover_less_as_theory_says(radius: float) -> None:
    assert blur(ball(radius), SPACING).max() == pytest.approx(recovery(radius), abs=0.02)


def test_recovery_rises_with_the_size() -> None:
    peaks = [float(blur(ball(radius), SPACING).max()) for radius in (2, 3, 4, 6, 10)]
    assert peaks == sorted(peaks)
    assert peaks[0] < 0.4
    assert peaks[-1] > 0.99


def test_noise_variance_grows_with_the_activity() -> None:
    settings = PhantomSettings(spacing=2.0)
    low, high = (
        acquire_pet(np.random.default_rng(0), np.full((40, 40, 40), suv, np.float32), settings) for suv in (2, 8)
    )
    assert high.var() / low.var() == pytest.approx(4, rel=0.05)
    assert low.mean() == pytest.approx(2, rel=0.01)
    assert 0.10 < low.std() / low.mean() < 0.15


def test_activity_is_never_negative() -> None:
    faint = np.full((20, 20, 20), 0.01, np.float32)
    assert acquire_pet(np.random.default_rng(0), faint, PhantomSettings(pet_noise=2)).min() == 0
