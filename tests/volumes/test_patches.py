"""Cutting and blending leave a volume as it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modality_translate.volumes import blend, corners, cut, weights

SHAPES = st.tuples(*[st.integers(1, 14)] * 3)


@settings(deadline=None, max_examples=60)
@given(SHAPES, SHAPES, st.tuples(*[st.integers(0, 2)] * 3), st.floats(0, 0.9))
def test_cutting_and_blending_return_the_volume_exactly(shape, core, halo, overlap):
    array = np.random.default_rng(0).normal(0, 1000, shape).astype(np.float32)
    patch = tuple(c + 2 * h for c, h in zip(core, halo, strict=True))
    inner = tuple(slice(h, h + c) for c, h in zip(core, halo, strict=True))
    tiles = ((corner, cut(array, corner, patch, halo, -1000)[inner]) for corner in corners(shape, core, overlap))
    np.testing.assert_array_equal(np.concatenate(list(blend(shape, core, tiles)), axis=2), array)


@settings(deadline=None, max_examples=60)
@given(SHAPES, SHAPES, st.floats(0, 0.9), st.integers(0, 2**32 - 1))
def test_slabs_are_to_the_bit_what_the_whole_volume_would_be(shape, core, overlap, seed):
    places = corners(shape, core, overlap)
    cores = np.random.default_rng(seed).normal(0, 1000, (len(places), *core)).astype(np.float32)
    sums, weight, window = np.zeros(shape), np.zeros(shape), weights(core)
    for (x, y, z), tile in zip(places, cores, strict=True):
        inside = tuple(slice(0, n) for n in sums[x : x + core[0], y : y + core[1], z : z + core[2]].shape)
        place = tuple(slice(start, start + part.stop) for start, part in zip((x, y, z), inside, strict=True))
        sums[place] += tile[inside] * window[inside].astype(np.float64)
        weight[place] += window[inside]
    slabs = list(blend(shape, core, zip(places, cores, strict=True)))
    np.testing.assert_array_equal(np.concatenate(slabs, axis=2), (sums / weight).astype(np.float32))


def test_finished_slices_leave_before_the_next_patches_are_asked_for():
    shape, core = (6, 6, 40), (4, 4, 8)
    asked = []

    def tiles():
        for corner in corners(shape, core, 0.5):
            asked.append(corner[2])
            yield corner, np.ones(core, np.float32)

    left = 0
    for slab in blend(shape, core, tiles()):
        left += slab.shape[2]
        assert max(asked) <= left
    assert left == 40


def test_a_constant_stays_constant():
    shape, core = (9, 7, 5), (4, 4, 4)
    tiles = [(corner, np.full(core, 0.1, np.float32)) for corner in corners(shape, core, 0.5)]
    assert {value for slab in blend(shape, core, tiles) for value in slab.ravel()} == {np.float32(0.1)}


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
        list(blend((4, 4, 4), (2, 2, 2), [((0, 0, 0), np.ones((2, 2, 2), np.float32))]))
