"""Real files in awkward formats: each becomes the right volume, or one clear line."""

import nibabel
import numpy as np
import pytest

from modality_translate.errors import VolumeError
from modality_translate.volumes import orient, read_header, read_volume, write_volume

REFUSED = {
    "complex.nii.gz": "complex64 voxels",
    "rgba.nii.gz": "RGBA voxels",
    "volume.mha": r"no supported format \(.nii.gz, .nii, .hdr, .mgz, .mgh, .img\). Convert it to NIfTI",
    "example4d.nii.gz": "4D with 2 frames",
    "nifti2.nii.gz": "4D with 2 frames",
    "pcasl_4d.nii.gz": "4D with 10 frames",
}
READ = ["anatomical.nii", "pair_ras.hdr", "pair_ras.img", "shear.nii.gz", "someones_epi.nii.gz", "volume.mgz"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_real_file_that_is_no_volume_is_refused(formats, name):
    with pytest.raises(VolumeError, match=REFUSED[name]):
        read_volume(formats / name)


@pytest.mark.parametrize("name", READ)
def test_a_real_file_is_read_as_nibabel_reads_it(formats, name, tmp_path):
    volume, image = read_volume(formats / name), nibabel.load(formats / name)
    np.testing.assert_allclose(volume.array, image.get_fdata(), rtol=1e-6)
    np.testing.assert_allclose(volume.grid.affine, image.affine, atol=1e-5)
    assert read_header(formats / name).grid.matches(volume.grid, 0)
    write_volume(tmp_path / "out.nii", volume)
    np.testing.assert_allclose(read_volume(tmp_path / "out.nii").grid.affine, image.affine, rtol=1e-7, atol=1e-5)


@pytest.mark.parametrize("name", ["example4d.nii.gz", "nifti2.nii.gz", "pcasl_4d.nii.gz"])
def test_a_frame_of_a_real_file_is_read_as_nibabel_reads_it(formats, name):
    image = nibabel.load(formats / name)
    np.testing.assert_allclose(read_volume(formats / name, frame=1).array, image.dataobj[..., 1], rtol=1e-6)


def test_all_storage_orders_of_one_head_become_one_array(formats):
    paths = sorted(formats.glob("orient_*.nii.gz"))
    assert len(paths) == 8
    reference, grid = orient(read_volume(paths[0]).array, read_volume(paths[0]).grid)
    for path in paths[1:]:
        volume = read_volume(path)
        array, other = orient(volume.array, volume.grid)
        np.testing.assert_array_equal(array, reference)
        assert other.matches(grid, 0.01)


def test_gantry_tilt_is_told(formats):
    assert "18.5 degrees off a right angle" in read_volume(formats / "shear.nii.gz").notes[-1]


@pytest.mark.parametrize("suffixes", [(".hdr", ".img"), (".HDR", ".IMG")])
def test_either_half_of_a_pair_stands_for_both(nifti, tmp_path, voxels, suffixes):
    content = nifti(single=False)
    paths = [tmp_path / f"a{suffix}" for suffix in suffixes]
    for path, part in zip(paths, (content[:348], content[348:]), strict=True):
        path.write_bytes(part)
    for path in paths:
        np.testing.assert_array_equal(read_volume(path).array, voxels)


def test_half_a_pair_names_the_missing_half(nifti, save):
    path = save(nifti(single=False)[:348], "a.hdr")
    with pytest.raises(VolumeError, match=r"a\.hdr: has no a\.img beside it"):
        read_volume(path)


def test_an_analyze_file_is_refused_because_it_has_no_sides(nifti, save):
    with pytest.raises(VolumeError, match="does not tell left from right"):
        read_volume(save(nifti(single=False, magic=b""), "a.hdr"))


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.dcm", "a", "a.nii.zip"])
def test_an_unknown_format_names_the_known_ones_and_a_way_out(save, name):
    with pytest.raises(VolumeError, match=r"no supported format \(.nii.gz, .nii, .*Convert it to NIfTI first"):
        read_volume(save(b"content", name))


def test_a_path_may_be_text(nifti, save, voxels):
    np.testing.assert_array_equal(read_volume(str(save(nifti()))).array, voxels)
