import math

import numpy as np
import pytest

from modality_translate.evaluation.metrics import (
    CT_LIMITS,
    METRICS,
    limits_of,
    mae,
    psnr,
    suv_bias,
    tissue_mae,
    unit_of,
)

KNOWN = {
    "waves": (21.592381, 43.943626, 43.791707),
    "shifted": (74.027969, 24.409024, 24.257105),
    "water": (208.024989, 20.596428, 20.444509),
}
EVERYWHERE = np.ones((2, 2, 1), bool)


def column(*values):
    return np.array(values, np.float32).reshape(2, 2, 1)


@pytest.mark.parametrize("name", KNOWN)
def test_mae_and_psnr_give_the_figures_of_the_challenges_own_code(known, name):
    predicted, (error, psnr2025, psnr2023) = known.predictions[name], KNOWN[name]
    assert known.mask.sum() == 69792
    assert mae(predicted, known.ct, known.mask) == pytest.approx(error, abs=1e-4)
    assert psnr(predicted, known.ct, known.mask, CT_LIMITS["synthrad2025"]) == pytest.approx(psnr2025, abs=1e-4)
    assert psnr(predicted, known.ct, known.mask, CT_LIMITS["synthrad2023"]) == pytest.approx(psnr2023, abs=1e-4)


def test_mae_does_not_clip_and_psnr_does():
    predicted, reference = column(5000, 0, 0, 0), column(3071, 0, 0, 0)
    assert mae(predicted, reference, EVERYWHERE) == pytest.approx(1929 / 4)
    assert psnr(predicted, reference, EVERYWHERE, (-1024, 3071)) == math.inf


def test_what_lies_outside_the_mask_does_not_count():
    mask = EVERYWHERE.copy()
    mask[0] = False
    assert mae(column(9, 9, 1, 1), column(0, 0, 0, 0), mask) == 1.0


def test_an_empty_mask_has_no_error_rather_than_a_perfect_one():
    nowhere = ~EVERYWHERE
    assert math.isnan(mae(column(1, 1, 1, 1), column(0, 0, 0, 0), nowhere))
    assert math.isnan(psnr(column(1, 1, 1, 1), column(0, 0, 0, 0), nowhere, (0, 1)))


def test_tissues_are_told_apart_by_the_reference():
    reference = column(-900, -200, 250, 251)
    assert tissue_mae(reference + column(1, 2, 4, 8), reference, EVERYWHERE) == {
        "mae_air": 1.0,
        "mae_soft": 3.0,
        "mae_bone": 8.0,
    }


def test_a_tissue_the_reference_does_not_have_is_left_out():
    assert tissue_mae(column(1, 1, 1, 1), column(0, 0, 0, 0), EVERYWHERE) == {"mae_soft": 1.0}


def test_suv_bias_is_relative_to_the_reference_and_signed():
    assert suv_bias(column(1, 2, 3, 2), column(2, 2, 4, 2), EVERYWHERE) == pytest.approx(-20.0)


def test_suv_bias_of_a_reference_without_activity_is_undefined():
    assert math.isnan(suv_bias(column(1, 1, 1, 1), column(0, 0, 0, 0), EVERYWHERE))


def test_the_range_of_pet_is_the_references_largest_value_inside_the_mask():
    mask = EVERYWHERE.copy()
    mask[0] = False
    assert limits_of("PET", "synthrad2025", column(50, 0, 7, 1), mask) == (0.0, 7.0)
    assert limits_of("PET", "synthrad2025", column(0, 0, 0, 0), mask) == (0.0, 1.0)


def test_ct_and_mr_have_fixed_ranges():
    array = column(0, 0, 0, 0)
    assert limits_of("CT", "synthrad2023", array, EVERYWHERE) == (-1024.0, 3000.0)
    assert limits_of("CT", "synthrad2025", array, EVERYWHERE) == (-1024.0, 3071.0)
    assert limits_of("MR", "synthrad2025", array, EVERYWHERE) == (0.0, 1000.0)


def test_every_metric_says_its_unit_and_definition():
    assert unit_of("mae", "SUV") == "SUV"
    assert unit_of("psnr", "SUV") == "dB"
    assert all(metric.definition for metric in METRICS.values())
