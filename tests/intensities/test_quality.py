from __future__ import annotations

import numpy as np
import pytest

from modality_translate.intensities.quality import field_strength, noise_sigma

SHAPE = (48, 48, 12)


def ball() -> np.ndarray:
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    return (place[:2] ** 2).sum(axis=0) < 0.5


@pytest.mark.parametrize("sigma", [2.0, 20.0])
def test_noise_is_read_from_the_air(sigma: float):
    noise = np.random.default_rng(0).normal(0, sigma, SHAPE)
    array = np.asarray(400.0 * ball() + noise, np.float32)
    assert noise_sigma(array, ball()) == pytest.approx(sigma, rel=0.15)


def test_noise_is_read_inside_the_body_where_air_was_masked():
    noise = np.random.default_rng(0).normal(0, 10.0, SHAPE)
    array = np.where(ball(), 400.0 + noise, 0.0).astype(np.float32)
    assert noise_sigma(array, ball()) == pytest.approx(10.0, rel=0.2)


def test_too_small_a_volume_has_no_noise():
    assert noise_sigma(np.ones((2, 2, 2), np.float32), np.ones((2, 2, 2), bool)) == 0.0


def test_a_coil_field_is_told_from_an_even_body():
    ramp = np.linspace(0.5, 1.5, SHAPE[0])[:, None, None]
    even, uneven = (np.asarray(400.0 * ball() * field, np.float32) for field in (np.ones(SHAPE), ramp))
    assert field_strength(even, ball()) == pytest.approx(0.0, abs=1e-6)
    assert field_strength(uneven, ball()) > 0.1


def test_nothing_above_zero_has_no_field():
    assert field_strength(np.zeros(SHAPE, np.float32), ball()) == 0.0
