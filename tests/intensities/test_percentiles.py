"""Exactly numpy's percentiles, whatever the sample guesses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from modality_translate.intensities import percentiles as module
from modality_translate.intensities.percentiles import percentiles
from modality_translate.volumes.slabs import slabs

SHARES = st.lists(st.floats(0, 100) | st.sampled_from([0.0, 0.5, 50.0, 99.5, 100.0]), min_size=1, max_size=3)
VOLUMES = arrays.arrays(
    np.float32, st.tuples(*[st.integers(1, 7)] * 3), elements=st.integers(-50, 50) | st.floats(-1e6, 1e6, width=32)
)


@given(VOLUMES, SHARES, st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=80)
def test_they_are_numpys(array, wanted, seed):
    mask = np.random.default_rng(seed).random(array.shape) < 0.6
    mask.flat[0] = True
    expected = np.percentile(array[mask].astype(np.float64), wanted)
    np.testing.assert_allclose(percentiles(array, mask, wanted), expected, rtol=1e-13, atol=1e-300)
    everywhere = np.percentile(array.astype(np.float64), wanted)
    np.testing.assert_allclose(percentiles(array, None, wanted), everywhere, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_volume_is_sampled_and_still_exact(order):
    array = np.random.default_rng(0).gamma(2.0, 100.0, (90, 110, 100)).astype(np.float32, order=order)
    mask = array > 40
    wanted = [0.5, 50.0, 99.5]
    assert percentiles(array, mask, wanted) == np.percentile(array[mask].astype(np.float64), wanted).tolist()


def test_a_sample_that_misleads_costs_time_only():
    array = np.random.default_rng(1).normal(size=(80, 80, 80)).astype(np.float32)
    array[::2, ::2, ::2] += 1000  # on the sample's own lattice
    wanted = [0.5, 30.0, 99.5]
    assert percentiles(array, None, wanted) == np.percentile(array.astype(np.float64), wanted).tolist()


def test_a_mask_that_slips_through_the_sample_is_found():
    array = np.arange(96**3, dtype=np.float32).reshape(96, 96, 96)
    mask = np.zeros(array.shape, bool)
    mask[1, 1, 1:90] = True
    assert percentiles(array, mask, [50.0]) == [np.median(array[mask])]


def test_of_no_voxels_there_are_none():
    with pytest.raises(ValueError, match="no voxels"):
        percentiles(np.zeros((2, 2, 2), np.float32), np.zeros((2, 2, 2), bool), [50.0])


def test_few_values_are_kept(monkeypatch):
    array = np.random.default_rng(2).normal(size=(100, 100, 100)).astype(np.float32)
    kept = []
    counted = module._counted

    def spy(*arguments):
        below, between = counted(*arguments)
        kept.extend(values.size for values in between)
        return below, between

    monkeypatch.setattr(module, "_counted", spy)
    percentiles(array, None, [0.5, 99.5])
    assert max(kept) < 0.05 * array.size


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("voxels", [1, 10, 10**6])
def test_slabs_cover_a_volume_once(order, voxels):
    array = np.zeros((5, 7, 3), order=order)
    for place in slabs(array, voxels):
        array[place] += 1
    assert (array == 1).all()
