"""The answer in the place of its source: nothing is overwritten that a patch still needs, nothing is left over."""

from __future__ import annotations

import numpy as np

from modality_translate.pipeline.answer import Answer
from modality_translate.volumes.scratch import on_disk

AIR, SOURCE = -1000.0, 7.0


def box(z):
    return slice(1, 3), slice(0, 2), z


def test_slices_that_a_halo_still_reaches_are_left_alone():
    room = np.full((4, 4, 10), SOURCE, np.float32)
    answer = Answer(room, 2, AIR)
    answer.add(box(slice(3, 8)), np.full((2, 2, 2), 1, np.float32))
    assert (room == SOURCE).all()
    answer.add(box(slice(3, 8)), np.full((2, 2, 3), 2, np.float32))
    assert (room[1:3, :2, 3:5] == 1).all()
    assert (room[:, :, 5:] == SOURCE).all()
    assert (answer.whole()[1:3, :2, 5:8] == 2).all()


def test_what_lies_in_no_box_is_background():
    room = np.full((4, 4, 10), SOURCE, np.float32)
    answer = Answer(room, 0, AIR)
    for z in (2, 6):
        answer.add(box(slice(z, z + 1)), np.ones((2, 2, 1), np.float32))
    wanted = np.full_like(room, AIR)
    wanted[1:3, :2, [2, 6]] = 1
    np.testing.assert_array_equal(answer.whole(), wanted)


def test_background_takes_no_memory_of_a_volume_on_disk(resident, tmp_path):
    room = on_disk((3000, 64, 64), np.float32, tmp_path).T
    answer = Answer(room, 0, AIR)
    answer.add(box(slice(1500, 1501)), np.ones((2, 2, 1), np.float32))
    assert resident(room) == 0
    assert resident(answer.whole()) == 0
