from __future__ import annotations

import numpy as np
import pytest

from modality_translate.data.unseen import unseen_share
from modality_translate.volumes.volume import Grid


def grid_of(shape, spacing=(1.0, 1.0, 1.0)):
    return Grid(shape, np.diag([*spacing, 1.0]))


def body(shape, *boxes):
    mask = np.zeros(shape, bool)
    for box in boxes:
        mask[box] = True
    return mask


LEG = np.s_[5:15, 10:20, :]
OTHER = np.s_[40:45, 10:20, :]


def test_the_same_body_on_both_sides_hides_nothing():
    mask = body((60, 40, 6), LEG)
    assert unseen_share(mask, grid_of(mask.shape), mask, grid_of(mask.shape)) == 0.0


def test_a_leg_that_the_source_does_not_show_counts():
    shape = (60, 40, 6)
    share = unseen_share(body(shape, LEG), grid_of(shape), body(shape, LEG, OTHER), grid_of(shape))
    assert share == pytest.approx(5 / 15)


def test_empty_slices_of_the_source_count_whatever_their_neighbours_show():
    shape = (60, 40, 6)
    empty = body(shape, LEG)
    empty[:, :, 4:] = False
    assert unseen_share(empty, grid_of(shape), body(shape, LEG), grid_of(shape)) == pytest.approx(1 / 3)


def test_what_is_within_the_margin_does_not_count():
    shape = (60, 40, 6)
    wide = body(shape, np.s_[5:23, 10:20, :])
    assert unseen_share(body(shape, LEG), grid_of(shape), wide, grid_of(shape)) == 0.0


def test_another_grid_is_met_and_what_lies_beyond_the_source_does_not_count():
    """The target has voxels of half the size and reaches twice as far."""
    source = body((30, 40, 6), LEG)
    target = body((120, 80, 12), np.s_[10:30, 20:40, :], np.s_[80:90, 20:40, :])
    fine = Grid(target.shape, np.array([[0.5, 0, 0, -0.25], [0, 0.5, 0, -0.25], [0, 0, 0.5, -0.25], [0, 0, 0, 1]]))
    assert unseen_share(source, grid_of(source.shape), target, fine) == 0.0


def test_no_body_hides_nothing():
    shape = (10, 10, 3)
    assert unseen_share(body(shape), grid_of(shape), body(shape), grid_of(shape)) == 0.0
