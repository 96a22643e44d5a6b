from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from modality_translate.errors import RecipeError
from modality_translate.intensities import DEFAULT_SCALINGS, Asinh, Percentile, Window, check_invertible

FIXED = [Window(lo=-1024, hi=3071), Window(lo=0, hi=1), Window(lo=-0.1, hi=0.2), Asinh(), Asinh(knee=0.3, hi=7.7)]
few = settings(deadline=None, max_examples=40)
units = arrays(np.float32, 24, elements=st.floats(0, 1, width=32))
"""Fractions of a scaling's range."""


def inside(scaling: Window | Asinh, fractions: np.ndarray) -> np.ndarray:
    low, high = scaling.range
    return (low + (high - low) * fractions.astype(np.float64)).astype(np.float32)


@pytest.mark.parametrize("scaling", FIXED)
@given(fractions=units)
@few
def test_forward_and_invert_are_a_pair(scaling, fractions):
    values = inside(scaling, fractions)
    low, high = scaling.range
    np.testing.assert_allclose(scaling.invert(scaling.forward(values)), values, atol=3e-6 * (high - low))


@pytest.mark.parametrize("scaling", FIXED)
@given(network=arrays(np.float32, 24, elements=st.floats(-3, 3, width=32)))
@few
def test_invert_gives_values_of_the_range_only(scaling, network):
    low, high = np.float32(scaling.range)
    restored = scaling.invert(network)
    assert restored.dtype == np.float32
    assert restored.min() >= low
    assert restored.max() <= high


@pytest.mark.parametrize("scaling", FIXED)
@given(values=arrays(np.float32, 24, elements=st.floats(-1e6, 1e6, width=32)))
@few
def test_forward_is_monotonic_within_one(scaling, values):
    scaled = scaling.forward(np.sort(values))
    assert scaled.dtype == np.float32
    assert np.abs(scaled).max() <= 1
    assert (np.diff(scaled) >= 0).all()


@pytest.mark.parametrize("scaling", FIXED)
def test_the_ends_of_the_range_are_minus_one_and_one(scaling):
    np.testing.assert_allclose(scaling.forward(np.float32(scaling.range)), [-1, 1], atol=1e-6)


def test_asinh_is_linear_below_the_knee_and_logarithmic_above():
    scaling = Asinh(knee=1.0, hi=30.0)
    low, double, high, twice_high = scaling.forward(np.float32([0.05, 0.1, 10, 20])) + 1
    assert double / low == pytest.approx(2, rel=0.01)
    assert (twice_high - high) * scaling.gain / 2 == pytest.approx(np.log(2), rel=0.01)


@given(seed=st.integers(0, 1000), low=st.floats(0, 40), high=st.floats(60, 100))
@few
def test_percentiles_follow_the_definition(seed, low, high):
    rng = np.random.default_rng(seed)
    array = rng.gamma(2.0, 100.0, (5, 4, 3)).astype(np.float32)
    mask = rng.random(array.shape) < 0.7
    ranked = np.sort(array[mask].astype(np.float64))
    expected = [np.interp(q / 100 * (ranked.size - 1), np.arange(ranked.size), ranked) for q in (low, high)]
    np.testing.assert_allclose(Percentile(low=low, high=high).bounds(array, mask), expected, rtol=1e-12)


@given(gain=st.floats(1e-3, 1e3), offset=st.floats(-100, 100))
@few
def test_percentile_units_do_not_depend_on_the_scanner_s_gain(gain, offset):
    array = np.random.default_rng(0).normal(10, 3, (6, 5, 4)).astype(np.float32)
    scaling = Percentile()
    moved = (array * gain + offset * gain).astype(np.float32)
    np.testing.assert_allclose(scaling.normalise(moved), scaling.normalise(array), atol=0.1)


@given(seed=st.integers(0, 1000))
@few
def test_percentile_and_its_fixed_part_are_a_pair(seed):
    array = np.random.default_rng(seed).normal(500, 200, (6, 5, 4)).astype(np.float32)
    scaling = Percentile(low=2, high=98)
    host = scaling.normalise(array)
    back = scaling.fixed.invert(scaling.fixed.forward(host))
    np.testing.assert_allclose(back, np.clip(host, 0, scaling.top), atol=1e-2)


def test_percentile_of_a_constant_volume_is_zero():
    host = Percentile().normalise(np.full((3, 3, 3), 7))
    assert host.dtype == np.float32
    assert not host.any()


def test_an_empty_mask_means_the_whole_volume():
    array = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    assert Percentile().bounds(array, np.zeros(array.shape, bool)) == Percentile().bounds(array)


@pytest.mark.parametrize(("scaling", "values"), [(Window, {"lo": 1, "hi": 1}), (Percentile, {"low": 60, "high": 40})])
def test_limits_in_the_wrong_order_are_refused(scaling, values):
    with pytest.raises(ValueError, match="must be below"):
        scaling(**values)


def test_what_cannot_be_inverted_is_named():
    check_invertible("target", DEFAULT_SCALINGS["MR"])
    with pytest.raises(RecipeError, match=r"target: .*cannot be inverted"):
        check_invertible("target", "zscore")
