"""Numbers arrive exactly, or not at all."""

import nibabel
import numpy as np
import pytest

from modality_translate.errors import VolumeError
from modality_translate.volumes import read_volume, voxels


def test_all_int16_values_are_exact(nifti, save):
    every = np.arange(-(2**15), 2**15).reshape(64, 32, 32)
    array = read_volume(save(nifti(dim=[3, 64, 32, 32, 1, 1, 1, 1], data=every), "a.nii.gz")).array
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, every)


@pytest.mark.parametrize("slab", [7, 60, 2**20])
def test_scaling_agrees_with_nibabel_whatever_the_slab(nifti, save, monkeypatch, slab):
    monkeypatch.setattr(voxels, "SLAB", slab)
    path = save(nifti(scl_slope=0.1, scl_inter=-1024))
    np.testing.assert_array_equal(read_volume(path).array, nibabel.load(path).get_fdata().astype(np.float32))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("slope", [1, 2])
def test_unusable_voxels_are_counted_and_refused(nifti, save, voxels, bad, slope):
    voxels[1, 2, :2] = bad
    with pytest.raises(VolumeError, match="holds 2 NaN or infinite voxels of 60"):
        read_volume(save(nifti("f4", data=voxels, scl_slope=slope)))


def test_numbers_too_large_for_float32_are_refused(nifti, save, voxels):
    with pytest.raises(VolumeError, match="59 voxels beyond the range of float32"):
        read_volume(save(nifti("f8", data=voxels.astype(float) * 1e300)))


def test_one_frame_of_four_dimensions_is_a_volume_and_others_are_chosen(nifti, save):
    frames = np.arange(60).reshape(5, 2, 3, 2)
    path = save(nifti(dim=[4, 5, 2, 3, 2, 1, 1, 1], data=frames), "a.nii.gz")
    for frame in (0, 1):
        np.testing.assert_array_equal(read_volume(path, frame=frame).array, frames[..., frame])
    with pytest.raises(VolumeError, match="4D with 2 frames"):
        read_volume(path)
    for frame in (2, -1):
        with pytest.raises(VolumeError, match=f"no frame {frame}. Choose one from 0 to 1"):
            read_volume(path, frame=frame)
    assert read_volume(save(nifti(dim=[4, 5, 4, 3, 1, 1, 1, 1]))).array.shape == (5, 4, 3)
