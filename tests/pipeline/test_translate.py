from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modality_translate.errors import ModelError
from modality_translate.intensities import Percentile, Window
from modality_translate.pipeline import Tiling, translate, translate_array
from modality_translate.volumes import read_volume, write_volume
from modality_translate.volumes.scratch import is_on_disk

GEOMETRIES = [
    ((8, 8, 8), (0, 0, 0), 0.0),
    ((8, 8, 8), (0, 0, 0), 0.5),
    ((5, 4, 3), (0, 0, 0), 0.9),
    ((32, 32, 32), (0, 0, 0), 0.5),
    ((8, 6, 5), (0, 0, 2), 0.5),
    ((6, 6, 1), (0, 0, 0), 0.5),
    ((9, 9, 7), (2, 1, 3), 0.25),
]


@pytest.mark.parametrize(("patch", "halo", "overlap"), GEOMETRIES)
def test_identity_gives_the_volume_back(patch, halo, overlap, make_spec, identity, stored):
    volume, spec = stored("LPS"), make_spec(patch, halo, overlap)
    result = translate(volume, spec, identity(spec))
    np.testing.assert_array_equal(result.array, volume.array)


def test_identity_holds_for_every_storage_order(order, make_spec, identity, stored):
    volume, spec = stored(order), make_spec()
    assert volume.grid.orientation == order
    result = translate(volume, spec, identity(spec))
    np.testing.assert_array_equal(result.array, volume.array)
    np.testing.assert_allclose(result.grid.affine, volume.grid.affine, atol=1e-5)
    assert result.forms == volume.forms


def test_the_network_sees_ras_whatever_the_storage_order(order, make_spec, identity, stored):
    spec = make_spec((13, 9, 7))
    seen = []

    def predict(patches):
        seen.append(patches.copy())
        return patches

    translate(stored(order), spec, predict)
    np.testing.assert_array_equal(seen[0][0, 0], stored("RAS").array)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "ASL", "IRP"])
@pytest.mark.parametrize("spacing", [None, (1.5, 0.9, 2.0)])
@pytest.mark.parametrize("scaling", [Percentile(), Window(lo=0, hi=100)])
def test_a_volume_kept_on_disk_comes_out_to_the_bit(codes, spacing, scaling, make_spec, identity, stored, tmp_path):
    spec = make_spec(overlap=0.3, spacing=spacing, scaling=scaling)
    volume, file = stored(codes, (40, 33, 27)), tmp_path / "volume.nii"
    write_volume(file, volume)
    memory, disk = (translate(read_volume(file, scratch=s), spec, identity(spec)) for s in (None, tmp_path))
    assert [is_on_disk(found.array) for found in (memory, disk)] == [False, True]
    np.testing.assert_array_equal(disk.array, memory.array)
    for name, found in (("memory.nii.gz", memory), ("disk.nii.gz", disk)):
        write_volume(tmp_path / name, found)
    assert (tmp_path / "disk.nii.gz").read_bytes() == (tmp_path / "memory.nii.gz").read_bytes()


@given(
    shape=st.tuples(*[st.integers(1, 11)] * 3),
    core=st.tuples(*[st.integers(1, 9)] * 3),
    halo=st.tuples(*[st.integers(0, 2)] * 3),
    overlap=st.sampled_from([0.0, 0.3, 0.5, 0.9]),
    value=st.floats(-3000, 3000, width=32),
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_constant_stays_constant(shape, core, halo, overlap, value, make_spec, identity):
    patch = tuple(c + 2 * h for c, h in zip(core, halo, strict=True))
    spec = make_spec(patch, halo, overlap)
    result = translate_array(np.full(shape, value, np.float32), spec, identity(spec))
    np.testing.assert_allclose(result, value, rtol=1e-6)


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 100])
def test_the_batch_size_changes_nothing(batch, make_spec, stored):
    spec = make_spec((6, 6, 6))
    array = stored().array
    sizes = []

    def predict(patches):
        sizes.append(len(patches))
        return np.sin(patches) * patches.mean(axis=(1, 2, 3, 4), keepdims=True)

    reference = translate_array(array, spec, predict, batch=4)
    sizes.clear()
    np.testing.assert_array_equal(translate_array(array, spec, predict, batch=batch), reference)
    assert max(sizes) <= batch


def test_what_lies_outside_the_volume_is_air(make_spec):
    channel_of = make_spec(modality="CT").source
    spec = make_spec((6, 6, 3), (0, 0, 1), source=channel_of, target=channel_of)
    stacks = []

    def predict(patches):
        stacks.append(patches.copy())
        return patches[..., 1:2]

    translate_array(np.full((4, 6, 2), 40, np.float32), spec, predict)
    first = stacks[0][0, 0]
    assert (first[:, :, 0] == -1000).all()
    assert (first[4:] == -1000).all()
    assert (first[:4, :, 1:] == 40).all()


def test_in_percentile_units_air_is_zero(make_spec):
    spec = make_spec((6, 6, 6), scaling=Percentile())
    seen = []
    translate_array(np.full((4, 4, 4), 300, np.float32), spec, lambda patches: seen.append(patches) or patches)
    assert (seen[0][0, 0, 4:] == 0).all()


def test_the_output_is_clipped_to_the_target_s_range(make_spec, stored):
    spec = make_spec(scaling=Window(lo=-100, hi=50))
    result = translate(stored(), spec, lambda patches: patches * 1000 - 50_000)
    assert (result.array.min(), result.array.max()) == (-100, 50)


def test_another_voxel_size_leads_back_to_the_own_grid(make_spec, identity, stored):
    volume = stored("PSL", shape=(26, 18, 14))
    x, y, z = np.meshgrid(*[np.linspace(0, 1, n) for n in volume.grid.shape], indexing="ij")
    ramp = type(volume)((x + 2 * y + 3 * z).astype(np.float32), volume.grid, volume.forms)
    spec = make_spec((8, 8, 8), spacing=(1.2, 1.0, 2.0))
    result = translate(ramp, spec, identity(spec))
    assert result.grid is volume.grid
    inner = (slice(3, -3),) * 3
    np.testing.assert_allclose(result.array[inner], ramp.array[inner], atol=0.02)


def test_progress_counts_every_patch(make_spec, identity, stored):
    calls = []
    spec = make_spec((8, 8, 7), overlap=0)
    translate(stored(), spec, identity(spec), batch=3, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(3, 4), (4, 4)]


def test_the_input_is_left_alone(make_spec, stored):
    volume = stored()
    volume.array.flags.writeable = False
    before = volume.array.copy()
    translate(volume, make_spec(), lambda patches: np.zeros_like(patches))
    np.testing.assert_array_equal(volume.array, before)


@pytest.mark.parametrize(("patch", "halo", "overlap"), GEOMETRIES)
@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR"])
@pytest.mark.parametrize("level", [None, 30])
def test_the_answer_may_take_the_place_of_the_voxels(patch, halo, overlap, codes, level, make_spec, identity, stored):
    """Patches are cut from voxels, never from answers: a halo reaches slices whose answers are known already."""
    tiling = Tiling(patch=patch, halo=halo, overlap=overlap, skip_below=level)
    spec, volume = make_spec(tiling=tiling), stored(codes, (21, 18, 29))
    volume.array[[0, 1, 2, 12, -1]] = volume.array[:, [0, 10, -1]] = volume.array[:, :, [0, 1, 2, 13, -1]] = 0

    def predict(patches):
        return 3 + 2 * identity(spec)(patches) + patches.mean(axis=(2, 3, 4), keepdims=True)

    wanted = translate(volume, spec, predict, batch=2)
    found = translate(volume, spec, predict, batch=2, overwrite_source=True)
    np.testing.assert_array_equal(found.array, wanted.array)
    assert np.shares_memory(found.array, volume.array)
    assert not np.shares_memory(wanted.array, volume.array)


def test_voxels_that_cannot_be_written_to_are_left_alone(make_spec, stored):
    volume = stored()
    volume.array.flags.writeable = False
    before = volume.array.copy()
    translate(volume, make_spec(), lambda patches: np.zeros_like(patches), overwrite_source=True)
    np.testing.assert_array_equal(volume.array, before)


def test_an_answer_of_wrong_shape_is_refused(make_spec, stored):
    with pytest.raises(
        ModelError, match=r"answered \(4, 1, 8, 8, 8\) with \(4, 1, 7, 8, 8\); \(4, 1, 8, 8, 8\) was wanted"
    ):
        translate(stored(), make_spec(), lambda patches: patches[:, :, 1:])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_no_number_is_refused(value, make_spec, stored):
    def predict(patches):
        patches[0, 0, 0, 0, 0] = value
        return patches

    with pytest.raises(ModelError, match="NaN or infinity in 1 of 2048 voxels"):
        translate(stored(), make_spec(), predict)


def test_a_batch_of_nothing_is_refused(make_spec, identity, stored):
    spec = make_spec()
    with pytest.raises(ValueError, match="batch 0 must be at least 1"):
        translate(stored(), spec, identity(spec), batch=0)
