from pathlib import Path

import numpy as np
import pytest

from modality_translate.errors import VolumeError
from modality_translate.evaluation.metrics import mae
from modality_translate.evaluation.scoring import make_pair, score_case, score_folder
from modality_translate.volumes.geometry import orient_like
from modality_translate.volumes.nifti import read_volume, write_volume
from modality_translate.volumes.volume import Grid, Volume

SARCOMA = Path(__file__).parents[2].parent / "shared" / "data" / "paired_sts"


def wrong_by(volume, amount):
    return Volume(volume.array + np.float32(amount), volume.grid)


def stored_differently(volume):
    """The same voxels in the same places, first axis to the left and the last two swapped."""
    x, y, z = volume.grid.shape
    swap = np.array([[-1, 0, 0, x - 1], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], float)
    grid = Grid((x, z, y), volume.grid.affine @ swap)
    return Volume(np.ascontiguousarray(orient_like(volume.array, volume.grid, grid)), grid)


@pytest.fixture
def folders(tmp_path, ct):
    """Predicted and reference folders with two good cases."""
    for side, error in (("predicted", 10), ("reference", 0)):
        (tmp_path / side).mkdir()
        for case in (1, 2):
            write_volume(tmp_path / side / f"case{case}.nii.gz", wrong_by(ct, error * case))
    return tmp_path


def test_a_ct_gets_the_metrics_of_its_protocol_and_its_tissues(ct):
    new = score_case(wrong_by(ct, 10), ct, None, "CT")
    assert set(new) == {"mae", "psnr", "ms_ssim", "mae_soft", "mae_bone"}
    assert new["mae"] == pytest.approx(10)
    assert "ssim" in score_case(wrong_by(ct, 10), ct, None, "CT", "synthrad2023")


def test_the_body_is_scored_and_not_the_air_around_it(ct):
    predicted = Volume(np.where(ct.array < -900, np.float32(500), ct.array), ct.grid)
    assert score_case(predicted, ct, None, "CT")["mae"] == 0


def test_a_mask_says_where_to_score(ct):
    mask = ct.array > 500
    predicted = Volume(ct.array + np.where(mask, np.float32(7), np.float32(99)), ct.grid)
    assert score_case(predicted, ct, mask, "CT")["mae"] == pytest.approx(7)


def test_the_storage_order_does_not_matter(ct):
    predicted = wrong_by(ct, 0)
    predicted.array[8:12, 5:9, 3:6] += 100
    expected = score_case(predicted, ct, None, "CT")
    assert score_case(stored_differently(predicted), ct, None, "CT") == pytest.approx(expected)
    other = stored_differently(ct)
    assert score_case(predicted, other, other.array > -300, "CT") == pytest.approx(expected)


def test_another_grid_is_refused_with_both_grids(ct):
    moved = ct.grid.affine.copy()
    moved[0, 3] += 1
    with pytest.raises(VolumeError, match=r"first at \(1\.0, 0\.0, 0\.0\) mm against 24×20×16 voxels of 2×2×3 mm, RAS"):
        make_pair(Volume.of(ct.array, moved), ct, None, "CT")


@pytest.mark.parametrize(
    ("modality", "change", "told"),
    [
        ("CT", lambda a: a + 1024, "the values are not HU: 1 % of the voxels lie below 24"),
        ("CT", lambda a: a, None),
        ("PET", lambda a: (a + 1000) * 50, "the values are not SUV"),
        ("MR", lambda a: a, "the values look like CT in HU"),
    ],
)
def test_values_that_are_not_of_the_modality_are_told(folders, ct, modality, change, told):
    write_volume(folders / "predicted" / "case1.nii.gz", Volume(change(ct.array), ct.grid), overwrite=True)
    write_volume(folders / "reference" / "case1.nii.gz", Volume(change(ct.array), ct.grid), overwrite=True)
    found = score_folder(folders / "predicted", folders / "reference", None, modality)
    cautions = [note for note in found.notes if note.startswith("Caution: case1: predicted: ")]
    assert ([told in note for note in cautions] == [True]) if told else not cautions
    assert len(found.cases) == 2


@pytest.mark.parametrize("side", ["predicted", "reference"])
def test_values_that_are_not_finite_are_refused(ct, side):
    bad = wrong_by(ct, 0)
    bad.array[0, 0, 0] = np.nan
    pair = (bad, ct) if side == "predicted" else (ct, bad)
    with pytest.raises(VolumeError, match=f"{side} volume: 1 voxels are not finite"):
        make_pair(*pair, None, "CT")


def test_an_empty_mask_is_refused(ct):
    with pytest.raises(VolumeError, match="no voxel is inside"):
        make_pair(ct, ct, ct.array > 9000, "CT")


def test_a_mask_of_another_shape_is_refused(ct):
    with pytest.raises(VolumeError, match=r"shape \(2, 2, 2\)"):
        make_pair(ct, ct, np.ones((2, 2, 2), bool), "CT")


def test_a_reference_mr_is_brought_to_scaled_units_whatever_its_own(ct):
    rng = np.random.default_rng(0)
    tissue = np.where(ct.array > -300, rng.uniform(100, 900, ct.array.shape), 0).astype(np.float32)
    mr = Volume(tissue, ct.grid)
    pair = make_pair(mr, Volume(tissue * 7, ct.grid), None, "MR")
    assert np.percentile(pair.reference[pair.mask], [0.5, 99.5]) == pytest.approx([0, 1000], abs=1)
    louder = make_pair(mr, Volume(tissue * 70, ct.grid), None, "MR")
    np.testing.assert_allclose(louder.reference, pair.reference, atol=0.01)


def test_a_pet_gets_its_bias_and_no_tissues(ct):
    pet = Volume(np.where(ct.array > -300, np.float32(4), np.float32(0)), ct.grid)
    pet.array[12, 10, 8] = 9
    scores = score_case(Volume(pet.array * np.float32(1.1), pet.grid), pet, pet.array > 0, "PET")
    assert scores["suv_bias"] == pytest.approx(10, abs=0.01)
    assert set(scores) == {"mae", "psnr", "ms_ssim", "suv_bias"}


def test_folders_are_scored_case_by_case(folders):
    seen = []
    evaluation = score_folder(
        folders / "predicted", folders / "reference", None, "CT", watch=lambda *step: seen.append(step)
    )
    assert [(case.name, round(case.metrics["mae"], 3)) for case in evaluation.cases] == [
        ("case1", 10.0),
        ("case2", 20.0),
    ]
    assert evaluation.cases[0].limits == (-1024.0, 3071.0)
    assert seen == [(1, 2), (2, 2)]


def test_a_bad_case_fails_by_name_and_the_others_go_on(folders, ct):
    short = Volume.of(ct.array[:-1], ct.grid.affine)
    write_volume(folders / "predicted" / "case1.nii.gz", short, overwrite=True)
    (folders / "predicted" / "case3.nii.gz").write_bytes(b"no volume")
    (folders / "reference" / "case3.nii.gz").write_bytes(b"no volume")
    evaluation = score_folder(folders / "predicted", folders / "reference", None, "CT")
    reasons = {failure.name: failure.reason for failure in evaluation.failures}
    assert [case.name for case in evaluation.cases] == ["case2"]
    assert "on another grid than the reference: 23×20×16" in reasons["case1"]
    assert reasons["case3"].startswith("case3.nii.gz: ")
    assert str(folders) not in reasons["case3"]


def test_a_mask_file_may_be_stored_in_another_order(folders, ct):
    inside = Volume((ct.array > 500).astype(np.float32), ct.grid)
    write_volume(folders / "mask.nii", stored_differently(inside), dtype="uint8")
    evaluation = score_folder(folders / "predicted", folders / "reference", folders / "mask.nii", "CT")
    assert evaluation.cases[0].voxels == int((ct.array > 500).sum())
    assert "Scored inside the given masks." in evaluation.notes


def test_a_mask_file_on_another_grid_fails_the_case(folders, ct):
    write_volume(folders / "mask.nii", Volume.of(ct.array[:-1] > 0, ct.grid.affine), dtype="uint8")
    evaluation = score_folder(folders / "predicted", folders / "reference", folders / "mask.nii", "CT")
    assert not evaluation.cases
    assert "the mask is on another grid than the reference" in evaluation.failures[0].reason


@pytest.mark.parametrize(
    ("modality", "words"), [("CT", "-1024 to 3071 HU"), ("MR", "reference MR was rescaled"), ("PET", "per case")]
)
def test_the_notes_say_which_range_was_used(folders, modality, words):
    evaluation = score_folder(folders / "predicted", folders / "reference", None, modality)
    assert words in " ".join(evaluation.notes)


@pytest.mark.skipif(not SARCOMA.is_dir(), reason="needs the shared data")
def test_a_real_ct_scores_perfectly_against_itself_and_not_against_a_shifted_one():
    ct = read_volume(SARCOMA / "STS_015" / "ct.nii.gz")
    shifted = Volume(np.roll(ct.array, 1, axis=0), ct.grid)
    assert score_case(ct, ct, None, "CT")["ms_ssim"] == pytest.approx(1)
    assert score_case(shifted, ct, None, "CT")["mae"] > 20
    assert mae(ct.array, ct.array, ct.array > -300) == 0
