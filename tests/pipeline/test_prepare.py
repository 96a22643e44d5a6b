from __future__ import annotations

import numpy as np
import pytest

from modality_translate.errors import VolumeError
from modality_translate.intensities import Percentile, Window, foreground
from modality_translate.pipeline import Channel, prepare, prepare_target, restore
from modality_translate.pipeline.prepare import overlaps
from modality_translate.volumes.volume import Grid, Volume


def placed(array: np.ndarray, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0)) -> Volume:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    return Volume.of(array, affine)


def test_a_prepared_volume_is_ras_at_the_spec_s_voxel_size(make_spec, stored):
    prepared = prepare(stored("SPL"), make_spec(spacing=(2.0, 2.0, 2.0)))
    assert prepared.grid.orientation == "RAS"
    assert prepared.grid.spacing == pytest.approx((2, 2, 2))
    assert prepared.array.shape == prepared.grid.shape == (6, 5, 9)
    assert prepared.canonical.spacing == pytest.approx((0.9, 1.1, 2.5))
    assert prepared.native.orientation == "SPL"


def test_percentiles_are_taken_in_the_foreground_after_resampling(make_spec, body):
    array = body(0, 100, 2)
    prepared = prepare(placed(array, (2, 2, 2)), make_spec(scaling=Percentile()))
    expected = Percentile().normalise(array, foreground(array, (2.0, 2.0, 2.0)))
    np.testing.assert_array_equal(prepared.array, expected)
    inside = prepared.array[foreground(array, (2.0, 2.0, 2.0))]
    np.testing.assert_allclose(np.percentile(inside, [0.5, 99.5]), [0, 1000], atol=0.01)


def test_prepared_mr_does_not_depend_on_the_scanner_s_gain(make_spec, body):
    spec = make_spec(scaling=Percentile(), spacing=(3.0, 3.0, 3.0))
    array = body(0, 100, 2)
    one, other = (prepare(placed(array * gain, (2, 2, 2)), spec).array for gain in (1, 37.5))
    np.testing.assert_allclose(one, other, atol=0.05)


def test_voxels_that_are_no_numbers_are_refused(make_spec):
    array = np.zeros((4, 4, 4), np.float32)
    array[0, 0, :2] = np.nan, np.inf
    with pytest.raises(VolumeError, match="2 voxels are NaN or infinite"):
        prepare(placed(array), make_spec())


def test_the_target_is_brought_onto_the_source_s_grid_in_world_space(make_spec, stored):
    target = stored("RAS")
    source = Volume(np.zeros(stored("ILP").array.shape, np.float32), stored("ILP").grid)
    spec = make_spec()
    np.testing.assert_allclose(prepare_target(target, prepare(source, spec), spec), target.array, atol=1e-3)


def test_outside_the_target_s_field_of_view_lies_its_background(make_spec):
    channel = Channel.of("CT", Window(lo=-1024, hi=3071))
    spec = make_spec(target=channel)
    prepared = prepare(placed(np.ones((10, 4, 4), np.float32)), spec)
    target = prepare_target(placed(np.full((5, 4, 4), 40, np.float32)), prepared, spec)
    assert (target[:5] == 40).all()
    assert (target[5:] == -1000).all()


def test_an_mr_target_is_in_scaled_units(make_spec, body):
    array = body(0, 100, 2)
    spec = make_spec(scaling=Percentile())
    prepared = prepare(placed(array), spec)
    np.testing.assert_array_equal(prepare_target(placed(array), prepared, spec), prepared.array)


def test_a_target_elsewhere_is_refused(make_spec):
    spec = make_spec()
    prepared = prepare(placed(np.zeros((4, 4, 4), np.float32)), spec)
    with pytest.raises(VolumeError, match=r"field of view 100\.\.104 x .* does not overlap the source's -0\.\.4 x"):
        prepare_target(placed(np.zeros((4, 4, 4), np.float32), origin=(100, 0, 0)), prepared, spec)


@pytest.mark.parametrize(
    ("shift", "shared"), [((3.9, 0, 0), True), ((4.1, 0, 0), False), ((3.9, 3.9, -3.9), True), ((0, 0, -4.1), False)]
)
def test_fields_of_view_overlap_up_to_their_edges(shift, shared):
    one = placed(np.zeros((4, 4, 4), np.float32)).grid
    other = placed(np.zeros((4, 4, 4), np.float32), origin=shift).grid
    assert overlaps(one, other) is shared
    assert overlaps(other, one) is shared


def test_oblique_boxes_whose_world_boxes_meet_can_be_apart():
    flat = placed(np.zeros((10, 10, 1), np.float32)).grid
    half = np.sqrt(0.5)
    affine = np.array([[half, -half, 0, 13], [half, half, 0, 4.5], [0, 0, 1, 0], [0, 0, 0, 1]], float)
    assert overlaps(flat, Grid((6, 6, 1), affine))
    affine[1, 3] = 11.5
    assert not overlaps(flat, Grid((6, 6, 1), affine))


def test_restore_goes_back_to_the_stored_order_with_its_forms(make_spec, stored):
    volume, spec = stored("AIL"), make_spec(scaling=Window(lo=0, hi=150))
    prepared = prepare(volume, spec)
    result = restore(prepared.array, prepared, spec)
    np.testing.assert_array_equal(result.array, np.clip(volume.array, 0, 150))
    assert result.grid is volume.grid
    assert result.forms == volume.forms
    assert result.array.dtype == np.float32
