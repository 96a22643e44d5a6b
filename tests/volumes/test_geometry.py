"""Geometry never moves anatomy: every storage order, voxel size and ramp comes back where it was."""

from itertools import permutations, product

import nibabel
import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from modality_translate.volumes import Grid, orient, orient_like, resample, spaced

ORDERS = [
    "".join(pair[turn] for pair, turn in zip(axes, turns, strict=True))
    for axes in permutations(("RL", "AP", "SI"))
    for turns in product((0, 1), repeat=3)
]


def _stored_as(order, array, affine):
    """The same anatomy in another storage order."""
    turn = nibabel.orientations.axcodes2ornt(order)
    affine = affine @ nibabel.orientations.inv_ornt_aff(turn := _from_ras(turn), array.shape)
    turned = nibabel.orientations.apply_orientation(array, turn)
    return turned, Grid(turned.shape, affine)


def _from_ras(turn):
    return nibabel.orientations.ornt_transform(np.array([[0, 1], [1, 1], [2, 1]]), turn)


def _world(grid):
    """World coordinates (3, X, Y, Z) of all voxel centres."""
    indices = np.indices(grid.shape).reshape(3, -1)
    return (grid.affine[:3, :3] @ indices + grid.affine[:3, 3:]).reshape(3, *grid.shape)


def _ramp(grid):
    x, y, z = _world(grid)
    return (2 * x - 3 * y + z + 100).astype(np.float32)


def _inner(array, margin):
    return array[(slice(margin, -margin),) * 3]


@pytest.mark.parametrize("order", ORDERS)
def test_every_storage_order_becomes_the_same_array_and_returns(voxels, oblique, order):
    stored, native = _stored_as(order, voxels, oblique)
    assert native.orientation == order
    array, grid = orient(stored, native)
    np.testing.assert_array_equal(array, voxels)
    np.testing.assert_allclose(grid.affine, oblique, atol=1e-12)
    assert np.shares_memory(array, stored)
    np.testing.assert_array_equal(orient_like(array, grid, native), stored)


@settings(deadline=None, max_examples=40)
@given(st.tuples(*[st.floats(0.3, 7)] * 3), st.tuples(*[st.integers(1, 40)] * 3), st.sampled_from(ORDERS))
def test_new_spacing_keeps_axes_centre_and_extent(spacing, shape, order):
    affine = np.diag([0.9, 1.1, 2.5, 1.0])
    affine[:3, 3] = -31.5, 42.25, -7.75
    _, grid = _stored_as(order, np.zeros(shape), affine)
    new = spaced(grid, spacing)
    np.testing.assert_allclose(new.spacing, spacing)
    assert new.orientation == grid.orientation
    centres = [g.affine @ [*((np.array(g.shape) - 1) / 2), 1] for g in (grid, new)]
    np.testing.assert_allclose(*centres, atol=1e-9)
    for before, after, size in zip(grid.extent, new.extent, spacing, strict=True):
        assert abs(after - before) <= size / 2 + 1e-9 or after <= size + 1e-9


def test_the_same_spacing_is_the_same_grid(oblique):
    grid = Grid((5, 4, 3), oblique)
    assert spaced(grid, tuple(np.array(grid.spacing) * 1.00005)) is grid
    assert spaced(grid, (1, 1, 1)) is not grid


def test_a_sheared_grid_keeps_its_shear():
    affine = np.array([[1, 0, 0, 5], [0, 1, 0.5, 0], [0, 0, 2, 0], [0, 0, 0, 1]])
    new = spaced(Grid((20, 30, 10), affine), (2, 2, 2))
    np.testing.assert_allclose(new.affine[:3, 2] / 2, affine[:3, 2] / np.linalg.norm(affine[:3, 2]))


def test_grids_that_match_return_the_array_itself(voxels, oblique):
    grid = Grid(voxels.shape, oblique)
    assert resample(voxels, grid, Grid(voxels.shape, oblique + 1e-6), -1000) is voxels


TURNED = np.eye(4)
TURNED[:3, :3] = nibabel.eulerangles.euler2mat(0.1, 0.2, -0.15)


@pytest.mark.parametrize("spacing", [(1, 1, 1), (2, 2, 2), (1.3, 1.7, 2.9), (0.4, 0.7, 3.3), (5, 0.6, 1)])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_a_ramp_in_the_world_stays_a_ramp(oblique, spacing, layout):
    source = Grid((24, 20, 18), oblique)
    target = spaced(source, spacing)
    result = resample(np.array(_ramp(source), order=layout), source, target, 0)
    place = np.linalg.inv(source.affine) @ np.vstack([_world(target).reshape(3, -1), np.ones(result.size)])
    limits = np.array([[23], [19], [17]])
    inside = ((place[:3] >= 0) & (place[:3] <= limits)).all(axis=0).reshape(target.shape)
    np.testing.assert_allclose(result[inside], _ramp(target)[inside], atol=2e-4)
    assert result.dtype == np.float32


@pytest.mark.parametrize("order", ["LPS", "SAR", "IPL"])
def test_other_storage_orders_of_the_target_are_met_exactly(voxels, oblique, order):
    stored, native = _stored_as(order, voxels, oblique)
    np.testing.assert_array_equal(resample(voxels, Grid(voxels.shape, oblique), native, 0), stored)


def test_a_turned_target_sees_the_same_ramp():
    source, target = Grid((30, 30, 30), np.eye(4)), Grid((10, 9, 8), TURNED @ np.diag([1, 1.2, 1.4, 1]))
    target.affine[:3, 3] += 10
    np.testing.assert_allclose(resample(_ramp(source), source, target, 0), _ramp(target), atol=1e-3)


@pytest.mark.parametrize("affine", [np.diag([1.7, 0.6, 3.1, 1]), TURNED @ np.diag([1.7, 0.6, 3.1, 1])])
def test_a_constant_stays_constant_and_beyond_it_is_background(affine):
    source, target = Grid((12, 10, 8), np.eye(4)), Grid((16, 40, 8), affine)
    target.affine[:3, 3] -= 4
    result = resample(np.full(source.shape, 40, np.float32), source, target, -1000)
    x, y, z = _world(target)
    inside = (x >= -0.5) & (x <= 11.5) & (y >= -0.5) & (y <= 9.5) & (z >= -0.5) & (z <= 7.5)
    np.testing.assert_allclose(result[inside], 40, rtol=1e-5)
    assert (result[~inside] == -1000).all()
    assert 0 < inside.sum() < inside.size


@pytest.mark.parametrize("step", [2, 3, 4, 2.5])
@pytest.mark.parametrize("turn", [np.eye(4), TURNED])
def test_a_fine_checkerboard_becomes_its_mean_and_no_coarse_pattern(step, turn):
    board = (np.indices((48, 48, 48)).sum(axis=0) % 2 * 200).astype(np.float32)
    source = Grid(board.shape, np.eye(4))
    target = spaced(Grid(board.shape, turn), (step,) * 3)
    target.affine[:3, 3] += 23.5 - (target.affine @ [*((np.array(target.shape) - 1) / 2), 1])[:3]
    result = resample(board, source, target, 100)
    assert np.ptp(_inner(result, 3)) < 20
    np.testing.assert_allclose(_inner(result, 3).mean(), 100, atol=1)


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 0.7), (1.5, 1.5, 1.5), (1, 1, 2)])
def test_there_and_back_is_close_for_smooth_anatomy(blob, spacing):
    grid = Grid(blob.shape, np.eye(4))
    other = spaced(grid, spacing)
    back = resample(resample(blob, grid, other, 0), other, grid, 0)
    assert np.abs(_inner(back - blob, 2)).max() < 5
    assert np.abs(back - blob).max() < 8


def test_the_input_is_never_changed(voxels, oblique):
    voxels.setflags(write=False)
    grid = Grid(voxels.shape, oblique)
    for shift in (0.5, 3, 50):
        moved = oblique.copy()
        moved[:3, 3] += shift
        resample(voxels, grid, Grid(grid.shape, moved), 0)
    assert resample(voxels, grid, Grid(grid.shape, moved), -7).max() == -7


def test_a_single_slice_can_be_resampled():
    source = Grid((6, 5, 1), np.diag([1, 1, 8.0, 1]))
    result = resample(np.full((6, 5, 1), 3, np.float32), source, spaced(source, (2, 2, 2)), 0)
    assert result.shape == (3, 2, 4)
    np.testing.assert_allclose(result, 3)


@settings(deadline=None, max_examples=60)
@given(st.tuples(*[st.floats(-0.3, 0.3)] * 3), st.tuples(*[st.floats(-200, 200)] * 3))
def test_how_a_grid_lies_in_the_world_changes_nothing(turns, corner):
    """Steps of 1.5 voxels meet the outermost voxel exactly, where the rounding of an affine used to decide."""
    array = np.random.default_rng(2).random((10, 13, 7), np.float32)
    plain, turned = np.diag([1.0, 1.2, 2.0, 1.0]), np.eye(4)
    turned[:3, :3] = np.float32(scipy.linalg.expm(np.cross(np.eye(3), turns)) @ plain[:3, :3])
    turned[:3, 3] = np.float32(corner)
    wanted, found = (
        resample(array, grid, spaced(grid, tuple(1.5 * size for size in grid.spacing)), -1.0)
        for grid in (Grid(array.shape, plain), Grid(array.shape, turned))
    )
    np.testing.assert_allclose(found, wanted, atol=1e-5)
