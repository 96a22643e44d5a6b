from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from modality_translate.errors import VolumeError
from modality_translate.volumes import Volume, as_volume, read_volume, write_volume


@pytest.fixture
def image(voxels: Any, oblique: Any) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image(voxels, oblique)


def test_a_volume_is_itself(voxels: Any, oblique: Any):
    volume = Volume.of(voxels, oblique)
    assert as_volume(volume) is volume


def test_an_array_needs_its_affine(voxels: Any, oblique: Any):
    volume = as_volume(voxels.astype(np.int16), oblique)
    np.testing.assert_array_equal(volume.array, voxels.astype(np.int16))
    np.testing.assert_array_equal(volume.affine, oblique)
    with pytest.raises(VolumeError, match=r"array: comes without an affine.*affine="):
        as_volume(voxels)


def test_an_image_gives_scaled_voxels_its_affine_and_forms(voxels: Any, oblique: Any, tmp_path: Path):
    image = nibabel.Nifti1Image(np.rint(voxels * 10).astype(np.int16), oblique)
    image.header.set_slope_inter(0.5, -20)
    image.set_sform(oblique, 4)
    nibabel.save(image, tmp_path / "a.nii")
    loaded, read = as_volume(nibabel.load(tmp_path / "a.nii")), read_volume(tmp_path / "a.nii")
    np.testing.assert_array_equal(loaded.array, read.array)
    np.testing.assert_allclose(loaded.affine, read.affine)
    assert loaded.forms == read.forms
    assert loaded.forms.sform == 4


def test_an_image_of_one_frame_is_a_volume_and_of_more_none(voxels: Any, oblique: Any):
    assert as_volume(nibabel.Nifti1Image(voxels[..., None], oblique)).grid.shape == voxels.shape
    with pytest.raises(VolumeError, match=r"image: has the shape \(.*, 2\)"):
        as_volume(nibabel.Nifti1Image(np.stack([voxels, voxels], 3), oblique))


def test_images_of_other_kinds_are_taken(voxels: Any, oblique: Any):
    np.testing.assert_array_equal(as_volume(nibabel.MGHImage(voxels.astype(np.float32), oblique)).array, voxels)


@pytest.mark.parametrize(
    ("array", "affine", "reason"),
    [
        (np.zeros((2, 2)), np.eye(4), r"the shape \(2, 2\)"),
        (np.zeros((2, 0, 2)), np.eye(4), r"the shape \(2, 0, 2\)"),
        (np.zeros((2, 2, 2), complex), np.eye(4), "complex128"),
        (np.zeros((2, 2, 2), object), np.eye(4), "object"),
        (np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1")]), np.eye(4), "holds"),
        (np.zeros((2, 2, 2)), np.eye(3), "the affine"),
        (np.zeros((2, 2, 2)), np.ones((4, 4)), "the affine"),
        (np.zeros((2, 2, 2)), np.diag([np.nan, 1, 1, 1]), "NaN"),
        (np.zeros((2, 2, 2)), np.diag([0, 1, 1, 1]), "which cannot be"),
        (np.zeros((2, 2, 2)), "here", "no matrix"),
    ],
)
def test_what_is_no_volume_is_told(array: Any, affine: Any, reason: str):
    with pytest.raises(VolumeError, match=reason):
        as_volume(array, affine)


def test_other_things_are_no_volumes(image: nibabel.Nifti1Image, oblique: Any):
    with pytest.raises(VolumeError, match="list: is no volume"):
        as_volume([1, 2, 3])  # type: ignore[arg-type]
    with pytest.raises(VolumeError, match="list: is no volume"):
        as_volume([1, 2, 3], oblique)  # type: ignore[arg-type]
    with pytest.raises(VolumeError, match="affine of its own"):
        as_volume(image, oblique)


def test_a_truncated_image_is_told(image: nibabel.Nifti1Image, tmp_path: Path):
    path = tmp_path / "a.nii"
    nibabel.save(image, path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(VolumeError, match="image: its voxels cannot be read"):
        as_volume(nibabel.load(path))


def test_numbers_beyond_float32_are_left_to_the_preparation():
    assert np.isinf(as_volume(np.full((2, 2, 2), 1e300), np.eye(4)).array).all()


def test_there_and_back_keeps_voxels_and_place(image: nibabel.Nifti1Image, tmp_path: Path):
    back = as_volume(image).to_nibabel()
    np.testing.assert_array_equal(np.asanyarray(back.dataobj), np.asanyarray(image.dataobj).astype(np.float32))
    np.testing.assert_allclose(back.affine, image.affine, atol=1e-6)
    assert np.shares_memory(as_volume(back).array, np.asanyarray(back.dataobj))


def test_a_saved_image_reads_as_the_written_volume(voxels: Any, oblique: Any, tmp_path: Path):
    volume = Volume.of(voxels, oblique)
    nibabel.save(volume.to_nibabel(), tmp_path / "image.nii.gz")
    write_volume(tmp_path / "volume.nii.gz", volume)
    image, written = read_volume(tmp_path / "image.nii.gz"), read_volume(tmp_path / "volume.nii.gz")
    np.testing.assert_array_equal(image.array, written.array)
    np.testing.assert_allclose(image.affine, written.affine, atol=1e-5)
    assert image.forms == written.forms
