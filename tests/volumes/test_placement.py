"""The affine is nibabel's choice, and every doubt about it is told."""

import nibabel
import numpy as np
import pytest

from modality_translate.volumes import Forms, read_volume

NAN = float("nan")


def _read_both(path):
    return read_volume(path), nibabel.load(path)


@pytest.mark.parametrize("codes", [(1, 1), (0, 2), (3, 0), (1, 4), (0, 0)])
def test_the_affine_is_the_one_nibabel_chooses(nifti, save, codes):
    volume, image = _read_both(save(nifti(qform_code=codes[0], sform_code=codes[1])))
    np.testing.assert_allclose(volume.grid.affine, image.affine, atol=1e-6)
    assert volume.forms == Forms(*codes)


def test_a_missing_orientation_is_a_note(nifti, save):
    volume = read_volume(save(nifti(qform_code=0, sform_code=0)))
    assert volume.notes[0].startswith("no orientation is recorded")
    assert volume.grid.orientation == "LAS"


def test_forms_that_disagree_are_a_note_and_the_codes_follow_the_sform(nifti, save):
    volume, image = _read_both(save(nifti(qform_code=1, sform_code=4, qoffset_x=-20)))
    assert volume.notes == ("sform (code 4) and qform (code 1) disagree by more than 1 mm: the sform is used",)
    np.testing.assert_array_equal(volume.grid.affine, image.affine)
    assert volume.forms == Forms(4, 4)


def test_a_damaged_qform_beside_a_good_sform_is_a_note(nifti, save):
    for field, value in (("quatern_b", 9), ("qoffset_y", NAN)):
        assert "disagree" in read_volume(save(nifti(**{field: value}))).notes[0]


@pytest.mark.parametrize("size", [0, -3, NAN, 1.05])
def test_pixdim_that_differs_from_the_affine_is_a_note(nifti, save, oblique, size):
    volume = read_volume(save(nifti(qform_code=0, pixdim=[1, size, 1.1, 2.5, 1, 1, 1, 1])))
    np.testing.assert_allclose(volume.grid.affine, oblique, atol=1e-5)
    assert volume.notes == (
        f"pixdim says {size:.4g} x 1.1 x 2.5 mm but the affine 0.9 x 1.1 x 2.5 mm: the affine is used",
    )


def test_a_negative_pixdim_and_a_zero_qfac_are_understood_as_nibabel_does(nifti, save, oblique):
    path = save(nifti(sform_code=0, pixdim=[0, -0.9, 1.1, 2.5, 1, 1, 1, 1]))
    np.testing.assert_allclose(read_volume(path).grid.affine, oblique, atol=1e-5)


@pytest.mark.parametrize(("unit", "name"), [(1, "metres"), (3, "micrometres")])
def test_other_units_than_mm_are_a_note(nifti, save, unit, name):
    assert read_volume(save(nifti(xyzt_units=unit))).notes == (f"xyzt_units says {name}: taken as millimetres",)


@pytest.mark.parametrize(("code", "kept"), [(9, 2), (-4, 0)])
def test_unheard_of_codes_become_known_ones(nifti, save, code, kept):
    assert read_volume(save(nifti(sform_code=code))).forms == Forms(1, kept)


def test_a_sheared_affine_is_kept_with_a_note(nifti, save):
    rows = {"srow_x": [1, 0, 0, 0], "srow_y": [0, 1, 0.5, 0], "srow_z": [0, 0, 2, 0]}
    volume = read_volume(save(nifti(qform_code=0, pixdim=[1, 1, 1, 2.0616, 1, 1, 1, 1], **rows)))
    np.testing.assert_array_equal(volume.grid.affine[:3, 2], [0, 0.5, 2])
    assert volume.notes == (
        "the voxel axes are 14.0 degrees off a right angle (gantry tilt?); the geometry is kept as it is",
    )
