from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from modality_translate.intensities import body_mask, foreground, guess_modality

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def ellipsoid(shape: tuple[int, int, int], radius: float) -> np.ndarray:
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    return x**2 + y**2 + z**2 < radius**2


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.fixture
def body() -> np.ndarray:
    return ellipsoid((40, 36, 28), 0.75)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def rician(signal: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    real, imaginary = rng.normal(0, sigma, (2, *signal.shape))
    return np.hypot(signal + real, imaginary).astype(np.float32)


@pytest.mark.parametrize("gain", [0.01, 1.0, 1e4])
def test_mr_foreground_survives_noise_and_a_strong_coil_field(body, rng, gain):
    field = np.linspace(0.3, 1.7, body.shape[0])[:, None, None]
    tissue = np.where(ellipsoid(body.shape, 0.6), 60.0, 140.0) * body
    assert dice(foreground(gain * rician(tissue * field, 3.0, rng)), body) > 0.97


def test_pet_foreground_is_the_body_and_not_its_hot_spots(body, rng):
    activity = np.where(body, 0.7, 0.02)
    activity[14:22, 14:22, 10:16] = 25.0
    assert dice(foreground(rng.gamma(20, activity / 20).astype(np.float32)), body) > 0.97


def test_dark_parts_inside_are_foreground_and_specks_outside_are_not(body):
    array = np.where(body, 100.0, 0.0).astype(np.float32)
    array[18:24, 16:20, 10:18] = 0
    array[1, 1, 1] = 100
    mask = foreground(array)
    assert mask[20, 18, 14]
    assert not mask[1, 1, 1]


def test_a_small_head_in_a_large_noisy_field_is_found(rng):
    head = ellipsoid((48, 48, 40), 0.35)
    assert dice(foreground(rician(100.0 * head, 5.0, rng)), head) > 0.95


def test_already_normalised_mr_with_negative_air_is_understood(body, rng):
    array = np.where(body, rng.normal(0.2, 1, body.shape), -3.5).astype(np.float32)
    assert dice(foreground(array), body) > 0.97


@given(seed=st.integers(0, 10**6), shape=st.tuples(*[st.integers(1, 7)] * 3), levels=st.integers(2, 50))
@settings(deadline=None, max_examples=60)
def test_foreground_is_empty_for_constants_only(seed, shape, levels):
    array = np.random.default_rng(seed).integers(0, levels, shape).astype(np.float32)
    assert foreground(array).any() == (array.min() < array.max())


def test_a_single_bright_voxel_is_found():
    array = np.zeros((150, 150, 150), np.float32)
    array[31, 41, 59] = 1
    assert foreground(array)[31, 41, 59]


def body_by_the_book(array: np.ndarray) -> np.ndarray:
    labels, _ = ndimage.label(array > -300)
    largest = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
    return np.stack([ndimage.binary_fill_holes(largest[..., z]) for z in range(array.shape[2])], axis=2)


@given(seed=st.integers(0, 10**6), smooth=st.floats(0.3, 1.5))
@settings(deadline=None, max_examples=25)
def test_the_ct_body_is_filled_slice_by_slice(seed, smooth):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(17, 15, 9)), smooth)
    array = np.where(noise > 0, 40.0, -1000.0).astype(np.float32)
    np.testing.assert_array_equal(body_mask(array, "CT"), body_by_the_book(array))


def test_lungs_belong_to_the_ct_body_and_the_couch_does_not(body):
    array = np.where(body, 40.0, -1000.0).astype(np.float32)
    array[12:18, 15:22, 9:19] = -850
    array[:, 0, :] = 100
    np.testing.assert_array_equal(body_mask(array, "CT"), body)


def test_a_ct_without_any_tissue_has_an_empty_body():
    assert not body_mask(np.full((4, 4, 4), -1000, np.float32), "CT").any()


def test_the_body_of_mr_and_pet_is_their_foreground(body):
    array = np.where(body, 100.0, 0.0).astype(np.float32)
    np.testing.assert_array_equal(body_mask(array, "MR"), foreground(array))
    np.testing.assert_array_equal(body_mask(array, "PET", (1, 1, 1)), foreground(array, (1, 1, 1)))


def test_ct_is_recognised_with_noise_and_with_padding(body, rng):
    array = (np.where(body, 40.0, -1000.0) + rng.normal(0, 15, body.shape)).astype(np.float32)
    assert guess_modality(array) == "CT"
    array[:4] = -3024
    assert guess_modality(array) == "CT"


@pytest.mark.parametrize(("scale", "offset"), [(1, 1024), (0.06, 60), (100, 0)], ids=["offset", "0..255", "scaled"])
def test_numbers_that_are_not_hu_are_not_called_ct(body, rng, scale, offset):
    array = np.where(body, 40.0, -1000.0) + rng.normal(0, 15, body.shape)
    assert guess_modality((array * scale + offset).astype(np.float32)) is None


def test_mr_is_not_called_ct(body, rng):
    assert guess_modality(rician(100.0 * body, 3.0, rng)) is None
    assert guess_modality(np.where(body, rng.normal(0, 1, body.shape), -3.5).astype(np.float32)) is None


@pytest.mark.skipif(not DATA.is_dir(), reason="no real volumes beside the project")
@pytest.mark.parametrize("kind", ["mr_t1", "pet"])
def test_real_mr_and_pet_foregrounds_agree_with_the_ct_body(kind):
    import nibabel

    def canonical(name: str) -> tuple[np.ndarray, tuple[float, float, float]]:
        image = nibabel.as_closest_canonical(nibabel.load(DATA / "paired_sts" / "STS_024" / name))
        return np.asarray(image.dataobj, np.float32), image.header.get_zooms()[:3]

    ct, _ = canonical("ct.nii.gz")
    array, spacing = canonical(f"{kind}.nii.gz")
    assert guess_modality(ct) == "CT"
    assert dice(foreground(array, spacing), body_mask(ct, "CT")) > 0.95
