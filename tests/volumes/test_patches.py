"""Cutting and blending leave a volume as it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modality_translate.volumes import Blend, corners, cut, weights

SHAPES = st.tuples(*[st.integers(1, 14)] * 3)


@settings(deadline=None, max_examples=60)
@given(SHAPES, SHAPES, st.tuples(*[st.integers(0, 2)] * 3), st.floats(0, 0.9))
def test_cutting_and_blending_return_the_volume_exactly(shape, core, halo, overlap):
    array = np.random.default_rng(0).normal(0, 1000, shape).astype(np.float32)
    patch = tuple(c + 2 * h for c, h in zip(core, halo, strict=True))
    inner = tuple(slice(h, h + c) for c, h in zip(core, halo, strict=True))
    blend = Blend(shape, core)
    for corner in corners(shape, core, overlap):
        blend.add(corner, cut(array, corner, patch, halo, -1000)[inner])
    np.testing.assert_array_equal(blend.result(), array)


def test_a_constant_stays_constant():
    blend = Blend((9, 7, 5), (4, 4, 4))
    for corner in corners((9, 7, 5), (4, 4, 4), 0.5):
        blend.add(corner, np.full((4, 4, 4), 0.1, np.float32))
    assert set(blend.result().ravel()) == {np.float32(0.1)}


@pytest.mark.parametrize(
    ("size", "core", "overlap", "starts"),
    [
        (10, 4, 0.5, [0, 2, 4, 6]),
        (10, 4, 0, [0, 3, 6]),
        (3, 4, 0.5, [0]),
        (4, 4, 0.5, [0]),
        (5, 4, 0, [0, 1]),
        (3, 1, 0.5, [0, 1, 2]),
    ],
)
def test_corners_are_evenly_spread(size, core, overlap, starts):
    assert [x for x, _, _ in corners((size, 1, 1), (core, 1, 1), overlap)] == starts


def test_what_lies_outside_is_background(voxels):
    patch = cut(voxels, (-1, 2, 0), (3, 4, 3), (1, 0, 0), -1000)
    np.testing.assert_array_equal(patch[2], np.pad(voxels[0, 2:], ((0, 2), (0, 0)), constant_values=-1000))
    assert (patch[:2] == -1000).all()
    assert (cut(voxels, (50, 50, 50), (3, 4, 3), (0, 0, 0), 7) == 7).all()


@pytest.mark.parametrize("core", [(16, 16, 16), (256, 256, 1), (1, 1, 1), (96, 5, 2)])
def test_weights_peak_at_one_in_the_middle_and_vanish_nowhere(core):
    window = weights(core)
    assert window.shape == core
    assert window.dtype == np.float32
    assert 1e-3 <= window.min() <= window.max() <= 1
    assert window[tuple(n // 2 for n in core)] == window.max()
    np.testing.assert_array_equal(window, window[::-1, ::-1, ::-1])


def test_a_voxel_left_out_is_our_own_mistake():
    with pytest.raises(AssertionError, match="never covered"):
        Blend((4, 4, 4), (2, 2, 2)).result()
