import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modality_translate.errors import PairingError
from modality_translate.evaluation.baselines import LookupTable, water
from modality_translate.evaluation.metrics import mae


def test_water_is_0_hu_in_the_body_and_air_around_it(known):
    answer = water(known.mask)
    assert answer.dtype == np.float32
    assert mae(answer, known.ct, known.mask) == pytest.approx(208.024989, abs=1e-4)
    assert set(np.unique(answer[~known.mask])) == {-1024.0}


def test_a_lookup_answers_with_the_median_of_each_source_value():
    source = np.repeat(np.array([1.0, 2.0, 3.0], np.float32), 5).reshape(5, 3, 1)
    target = np.array([0, 1, 2, 3, 900] + [10] * 5 + [-5] * 5, np.float32).reshape(5, 3, 1)
    table = LookupTable.fit([(source, target, np.ones(source.shape, bool))])
    np.testing.assert_array_equal(table.apply(np.array([1, 2, 3], np.float32)), [2, 10, -5])


def test_values_beyond_the_training_range_get_the_nearest_answer():
    source = np.arange(100, dtype=np.float32).reshape(10, 10, 1)
    table = LookupTable.fit([(source, source * 2, np.ones(source.shape, bool))], bins=10)
    low, high = table.apply(np.array([-50, 500], np.float32))
    assert low == table.apply(source).min()
    assert high == table.apply(source).max()


def test_a_lookup_cannot_tell_apart_what_looks_alike_in_the_source():
    source = np.zeros((10, 1, 1), np.float32)
    target = np.array([-1000] * 4 + [700] * 6, np.float32).reshape(10, 1, 1)
    answer = LookupTable.fit([(source, target, np.ones(source.shape, bool))]).apply(source)
    assert set(np.unique(answer)) == {700.0}


def test_voxels_outside_the_masks_do_not_teach():
    source = np.zeros((2, 2, 2), np.float32)
    mask = np.zeros(source.shape, bool)
    mask[0] = True
    target = np.where(mask, np.float32(5), np.float32(99))
    assert LookupTable.fit([(source, target, mask)]).apply(source).max() == 5


def test_a_lookup_needs_at_least_one_voxel():
    empty = np.zeros((2, 2, 2), np.float32)
    with pytest.raises(PairingError, match="no voxel inside any mask"):
        LookupTable.fit([(empty, empty, empty > 0)])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 300))
def test_more_than_a_constant_answer_never_costs_training_error(seed, bins):
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(6, 6, 6)).astype(np.float32).round(1)
    target = (source * 100 + rng.normal(size=source.shape) * 20).astype(np.float32)
    mask = np.ones(source.shape, bool)
    table = LookupTable.fit([(source, target, mask)], bins=bins)
    constant = np.full_like(target, np.median(target))
    assert mae(table.apply(source), target, mask) <= mae(constant, target, mask) + 1e-4
