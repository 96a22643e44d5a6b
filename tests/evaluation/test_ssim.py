import math

import numpy as np
import pytest

from modality_translate.evaluation.ssim import ms_ssim, ssim

KNOWN = {"waves": (0.997310, 0.999086), "shifted": (0.850752, 0.978609), "water": (0.494637, 0.756546)}


@pytest.mark.parametrize("name", KNOWN)
def test_both_similarities_give_the_figures_of_the_challenges_own_code(known, name):
    predicted, (ssim2023, ms_ssim2025) = known.predictions[name], KNOWN[name]
    assert ssim(predicted, known.ct, known.mask, (-1024, 3000)) == pytest.approx(ssim2023, abs=1e-5)
    assert ms_ssim(predicted, known.ct, known.mask, (-1024, 3071)) == pytest.approx(ms_ssim2025, abs=1e-5)


def test_equal_images_are_perfectly_similar(known):
    assert ms_ssim(known.ct, known.ct, known.mask, (-1024, 3071)) == pytest.approx(1.0, abs=1e-12)


def test_what_lies_outside_the_mask_does_not_count():
    rng = np.random.default_rng(0)
    reference = rng.uniform(0, 1000, (16, 16, 16)).astype(np.float32)
    mask = np.zeros(reference.shape, bool)
    mask[4:12, 4:12, 4:12] = True
    predicted = np.where(mask, reference, np.float32(-5000))
    assert ssim(predicted, reference, mask, (0, 1000)) == pytest.approx(1.0)


def test_a_volume_thinner_than_the_window_has_no_ssim():
    thin = np.zeros((20, 20, 6), np.float32)
    assert math.isnan(ssim(thin, thin, np.ones(thin.shape, bool), (0, 1)))


def test_a_mask_that_vanishes_at_a_coarse_scale_has_no_ms_ssim():
    array = np.zeros((24, 24, 24), np.float32)
    mask = np.zeros(array.shape, bool)
    mask[0:2, 0:2, 0:2] = True
    assert math.isnan(ms_ssim(array, array, mask, (0, 1)))
