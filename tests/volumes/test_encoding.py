"""What is written carries geometry and numbers, nothing else, and is the same every time."""

import gzip

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modality_translate.errors import VolumeError
from modality_translate.volumes import Forms, Grid, Volume, read_volume, write_volume


@pytest.fixture
def volume(voxels, oblique):
    return Volume.of(voxels, oblique)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ"])
@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8"])
def test_writing_and_reading_return_the_volume(volume, tmp_path, name, dtype):
    write_volume(tmp_path / name, volume, dtype=dtype)
    again = read_volume(tmp_path / name)
    np.testing.assert_array_equal(again.array, volume.array)
    np.testing.assert_allclose(again.grid.affine, volume.grid.affine, atol=1e-5)
    assert (again.forms, again.notes) == (volume.forms, ())


def test_nibabel_reads_what_is_written(volume, tmp_path):
    write_volume(tmp_path / "a.nii.gz", volume, dtype="int16", description="mtranslate 1.0 modèle" + 90 * "x")
    image = nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(image.get_fdata(), volume.array)
    np.testing.assert_allclose(image.header.get_zooms(), volume.grid.spacing, rtol=1e-6)
    assert image.get_data_dtype() == np.int16
    assert image.header.get_xyzt_units()[0] == "mm"
    assert image.header.extensions == []
    assert bytes(image.header["descrip"]).rstrip(b"\0") == b"mtranslate 1.0 mod?le" + 58 * b"x"


def test_integers_are_rounded_and_clipped(volume, tmp_path):
    volume.array[:2, 0, 0] = -40000, 40000
    volume.array[2:5, 0, 0] = 1.5, 2.5, -0.6
    write_volume(tmp_path / "a.nii", volume, dtype="int16")
    assert read_volume(tmp_path / "a.nii").array[:, 0, 0].tolist() == [-32768, 32767, 2, 2, -1]


@pytest.mark.parametrize("order", ["C", "F"])
def test_two_writes_give_the_same_bytes_without_name_or_time(volume, tmp_path, order):
    other = Volume(np.array(volume.array, order=order), volume.grid)
    for name, item in (("a.nii.gz", volume), ("b.nii.gz", other)):
        write_volume(tmp_path / name, item)
    first = (tmp_path / "a.nii.gz").read_bytes()
    assert first == (tmp_path / "b.nii.gz").read_bytes()
    assert first[3:8] == bytes(5)  # no flags, so no name; no time
    assert len(gzip.decompress(first)) == 352 + 240


def test_nothing_of_the_source_but_geometry_is_carried_over(nifti, save, tmp_path):
    secrets = {"descrip": b"CANARY", "aux_file": b"CANARY", "db_name": b"CANARY", "intent_name": b"CANARY"}
    content = nifti(vox_offset=400, **secrets)
    path = save(content[:348] + b"\1\0\0\0" + b"CANARY".ljust(48) + content[352:], "CANARY.nii")
    write_volume(tmp_path / "out.nii", read_volume(path))
    assert b"CANARY" not in (tmp_path / "out.nii").read_bytes()


@pytest.mark.parametrize("codes", [(1, 1), (0, 2), (3, 0), (4, 4), (2, 1)])
def test_codes_are_kept(volume, tmp_path, codes):
    write_volume(tmp_path / "a.nii", Volume(volume.array, volume.grid, Forms(*codes)))
    assert read_volume(tmp_path / "a.nii").forms == Forms(*codes)


def test_an_unknown_space_is_written_as_aligned_so_that_the_affine_is_kept(volume, tmp_path):
    write_volume(tmp_path / "a.nii", Volume(volume.array, volume.grid, Forms(0, 0)))
    again = read_volume(tmp_path / "a.nii")
    assert again.forms == Forms(0, 2)
    np.testing.assert_allclose(again.grid.affine, volume.grid.affine, atol=1e-5)


@pytest.mark.parametrize("codes", [(1, 0), (1, 1)])
def test_a_sheared_affine_is_written_as_sform_alone(volume, tmp_path, codes):
    volume.grid.affine[0, 2] += 0.5
    write_volume(tmp_path / "a.nii", Volume(volume.array, volume.grid, Forms(*codes)))
    again = read_volume(tmp_path / "a.nii")
    assert again.forms == Forms(0, 1)
    np.testing.assert_allclose(again.grid.affine, volume.grid.affine, atol=1e-5)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    st.tuples(*[st.floats(0.2, 6)] * 3),
    st.tuples(*[st.floats(-300, 300)] * 3),
    st.booleans(),
    st.sampled_from([(1, 1), (1, 0), (0, 1), (0, 0)]),
)
def test_every_rotated_affine_survives(voxels, tmp_path, angles, spacing, offset, flip, codes):
    affine = np.eye(4)
    affine[:3, :3] = nibabel.eulerangles.euler2mat(*angles) @ np.diag(spacing) @ np.diag([-1 if flip else 1, 1, 1])
    affine[:3, 3] = offset
    write_volume(
        tmp_path / "a.nii", Volume(voxels, Grid(voxels.shape, affine), Forms(*codes)), overwrite=True, dtype="uint8"
    )
    np.testing.assert_allclose(read_volume(tmp_path / "a.nii").grid.affine, affine, rtol=1e-6, atol=2e-5)


def test_an_axis_too_long_for_nifti_1_is_written_as_nifti_2(tmp_path):
    volume = Volume.of(np.arange(40000).reshape(40000, 1, 1), np.eye(4))
    write_volume(tmp_path / "a.nii.gz", volume)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii.gz").array, volume.array)
    assert nibabel.load(tmp_path / "a.nii.gz").header["sizeof_hdr"] == 540


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_unusable_voxels_are_never_written(volume, tmp_path, bad):
    volume.array[-1, -1, -1] = bad
    with pytest.raises(VolumeError, match="would hold NaN or infinite voxels"):
        write_volume(tmp_path / "a.nii.gz", volume)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("array", "affine", "reason"),
    [
        (np.zeros((3, 0, 2)), np.eye(4), "would be empty"),
        (np.zeros((3, 1, 2)), np.zeros((4, 4)), "voxels of 0 x 0 x 0 mm"),
        (np.zeros((3, 1, 2)), np.full((4, 4), np.nan), "NaN or infinite numbers in its affine"),
    ],
)
def test_what_is_no_volume_is_not_written(tmp_path, array, affine, reason):
    with pytest.raises(VolumeError, match=reason):
        write_volume(tmp_path / "a.nii", Volume.of(array, affine))


def test_an_unknown_number_type_is_refused(volume, tmp_path):
    with pytest.raises(VolumeError, match=r"float64. Choose one of int16, float32, uint8"):
        write_volume(tmp_path / "a.nii", volume, dtype="float64")
