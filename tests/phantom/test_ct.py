from __future__ import annotations

import numpy as np
import pytest

from modality_translate.phantom import PhantomSettings
from modality_translate.phantom.ct import acquire_ct, grain


def water(spacing: float, noise: float = 12.0) -> np.ndarray:
    flat = np.zeros((40, 40, 30), np.float32)
    settings = PhantomSettings(spacing=spacing, ct_noise=noise)
    return acquire_ct(np.random.default_rng(0), flat, flat, settings)


@pytest.mark.parametrize(("spacing", "sigma"), [(1.0, 12.0), (2.0, 8.5), (3.0, 6.9)])
def test_noise_falls_with_the_voxel_size(spacing: float, sigma: float) -> None:
    assert water(spacing).std() == pytest.approx(sigma, rel=0.02)


def test_values_are_whole_numbers_within_12_bits() -> None:
    hu = np.full((8, 8, 8), 3060, np.float32)
    hu[:4] = -1020
    image = acquire_ct(np.random.default_rng(0), hu, np.zeros_like(hu), PhantomSettings(ct_noise=60))
    assert image.min() == -1024
    assert image.max() == 3071
    np.testing.assert_array_equal(image, np.round(image))


def test_an_edge_is_blurred_by_1_mm_at_fine_voxels_only() -> None:
    edge = np.zeros((30, 8, 8), np.float32)
    edge[15:] = 1000
    sharp, soft = (
        acquire_ct(np.random.default_rng(0), edge, edge * 0, PhantomSettings(spacing=s, ct_noise=0)) for s in (2.0, 0.5)
    )
    assert len(np.unique(sharp)) == 2
    # The 12 % to 88 % width of a Gaussian edge is its full width at half maximum.
    profile = soft[:, 4, 4]
    width = np.diff(np.interp([119, 881], profile, 0.5 * np.arange(30)))[0]
    assert width == pytest.approx(1.0, abs=0.2)


def test_grain_carries_more_fine_than_coarse_detail() -> None:
    noise = grain(np.random.default_rng(0), (64, 64, 4))
    power = (np.abs(np.fft.fft2(noise, axes=(0, 1))) ** 2).mean(axis=2)
    assert power[1:4, 0].mean() < 0.5 * power[10:16, 0].mean()
