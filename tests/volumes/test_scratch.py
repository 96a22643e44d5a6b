"""Arrays on disk behave like arrays in memory, leave no file, and never hold memory for long."""

import errno
import gc
import os
import weakref
from itertools import permutations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modality_translate.errors import VolumeError
from modality_translate.volumes import scratch
from modality_translate.volumes.scratch import empty, empty_as, is_on_disk, on_disk, rest
from modality_translate.volumes.slabs import box_of, ends, fill, slabs, slowest_last, thinned


def stored(array, folder):
    """The same numbers on disk, in the same memory order."""
    order = sorted(range(array.ndim), key=lambda a: -abs(array.strides[a]))
    room = on_disk(tuple(array.shape[a] for a in order), array.dtype, folder).transpose(np.argsort(order))
    room[:] = array
    return room


def test_no_file_is_seen_and_its_room_comes_back(tmp_path):
    array = on_disk((64, 64), np.float32, tmp_path)
    array[:] = 7
    assert list(tmp_path.iterdir()) == []
    rest(array)
    assert (array == 7).all()
    file = weakref.ref(scratch._file_of(array))
    del array
    gc.collect()
    assert file() is None


def test_what_is_made_of_an_array_lies_where_it_lies(tmp_path):
    disk, memory = on_disk((4, 3), np.float32, tmp_path), np.zeros((4, 3), np.float32)
    for view in (disk, disk[1:], disk.T[::-1], disk.reshape(-1)):
        assert scratch._file_of(empty((5,), np.bool_, view)).folder == tmp_path
    assert not is_on_disk(empty((5,), np.bool_, memory))
    assert is_on_disk(empty_as(disk.T, np.bool_))


@given(st.permutations(range(3)), st.integers(0, 2), st.integers(1, 9))
@settings(deadline=None)
def test_room_has_the_shape_and_memory_order_asked_for(order, axis, size):
    array = np.zeros((4, 5, 6), np.float32).transpose(order)
    room = empty_as(array, np.int16, axis=axis, size=size)
    shape = list(array.shape)
    shape[axis] = size
    assert (room.shape, room.dtype) == (tuple(shape), np.int16)
    assert np.argsort(room.strides).tolist() == np.argsort(array.strides).tolist() or 1 in shape


def test_memory_is_let_go_between_slabs(resident, tmp_path):
    array = on_disk((400, 100, 100), np.float32, tmp_path)
    most = 0
    for number, place in enumerate(slabs(array, voxels=200_000)):
        array[place] = number
        most = max(most, resident(array))
    assert 700_000 < most < 2_000_000 < array.nbytes
    assert resident(array) == 0
    assert np.unique(array).tolist() == list(range(20))


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flipped", [False, True])
def test_slices_lie_one_behind_the_other_afterwards(tmp_path, monkeypatch, order, flipped):
    monkeypatch.setattr("modality_translate.volumes.slabs.BLOCK", 150)
    array = np.arange(7 * 8 * 9, dtype=np.float32).reshape(7, 8, 9).transpose(order)
    array = array[:, ::-1] if flipped else array
    settled = slowest_last(stored(array, tmp_path))
    np.testing.assert_array_equal(settled, array)
    assert abs(settled.strides[2]) == max(settled.strides)
    assert slowest_last(array) is array


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="room cannot be reserved here")
def test_a_full_disk_is_an_error_before_anything_is_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(VolumeError, match=r"takes no scratch file of 4\.00 GB: No space left.*allow more memory"):
        on_disk((1000, 1000, 1000), np.float32, tmp_path)
    assert list(tmp_path.iterdir()) == []


@given(order=st.permutations(range(3)), step=st.integers(1, 9), seed=st.integers(0, 2**32 - 1), on_a_disk=st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_statistics_by_slabs_are_those_of_the_whole(order, step, seed, on_a_disk, tmp_path):
    array = np.random.default_rng(seed).normal(0, 1, (9, 8, 7)).astype(np.float32).transpose(order)
    array = stored(array, tmp_path) if on_a_disk else array
    assert ends(array) == (array.min(), array.max())
    np.testing.assert_array_equal(thinned(array, step), array[::step, ::step, ::step])
    box = box_of(array, lambda part: part > 1.5)
    found = np.argwhere(array > 1.5)
    if len(found):
        assert [(s.start, s.stop) for s in box] == list(zip(found.min(0), found.max(0) + 1, strict=True))
    else:
        assert box is None
    fill(array, 3.0)
    assert (array == 3.0).all()


def test_a_nan_is_among_the_ends():
    array = np.zeros((3, 3, 3), np.float32)
    array[1, 2, 0] = np.nan
    assert np.isnan(ends(array)).all()
