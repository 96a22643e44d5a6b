from __future__ import annotations

import numpy as np
import pytest

from modality_translate.evaluation.scoring import Pair
from modality_translate.training.validation import spread
from modality_translate.volumes import Volume

SHAPE = (12, 10, 6)
RANDOM = np.random.default_rng(0)
TARGET = RANDOM.normal(0, 100, SHAPE).astype(np.float32)


def pair(predicted: np.ndarray, reference: np.ndarray = TARGET) -> Pair:
    """Scored inside a block, with air around it."""
    mask = np.zeros(reference.shape, bool)
    mask[2:-2, 2:-2] = True
    outside = RANDOM.normal(-1000, 300, reference.shape)
    grid = Volume.of(reference, np.eye(4)).grid
    return Pair(np.where(mask, predicted, outside).astype(np.float32), np.where(mask, reference, -1000.0), mask, grid)


def test_the_target_itself_has_spread_one_whatever_is_outside_the_body():
    assert spread(pair(TARGET)) == pytest.approx(1.0)


def test_a_tenth_of_the_contrast_is_a_tenth_of_the_spread():
    assert spread(pair(300.0 + 0.1 * TARGET)) == pytest.approx(0.1, rel=1e-5)


@pytest.mark.parametrize("answer", [np.full(SHAPE, 40.0), np.broadcast_to(TARGET[:, :, :1], SHAPE)])
def test_one_answer_for_every_slice_has_none(answer: np.ndarray):
    assert spread(pair(answer)) == pytest.approx(0.0, abs=1e-6)


def test_a_single_slice_is_compared_about_its_mean():
    single = TARGET[:, :, :1]
    assert spread(pair(0.5 * single, single)) == pytest.approx(0.5, rel=1e-5)


def test_a_uniform_target_asks_for_nothing():
    assert spread(pair(TARGET, np.full(SHAPE, 40.0, np.float32))) == 1.0
