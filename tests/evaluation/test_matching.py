import pytest

from modality_translate.errors import NothingToDoError, VolumeError
from modality_translate.evaluation.matching import match


def folder(path, *names):
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).touch()
    return path


def test_cases_match_by_their_path_without_suffix(tmp_path):
    predicted = folder(tmp_path / "p", "a.nii.gz", "site/b.nii", "extra.nii")
    reference = folder(tmp_path / "r", "a.nii", "site/b.nii.gz", "c.nii")
    matches = match(predicted, reference)
    assert [files.name for files in matches.files] == ["a", "site/b"]
    assert [failure.name for failure in matches.failures] == ["extra"]
    assert matches.unanswered == ("c",)


def test_masks_match_the_same_way_and_a_missing_one_is_a_failure(tmp_path):
    predicted = folder(tmp_path / "p", "a.nii", "b.nii")
    reference = folder(tmp_path / "r", "a.nii", "b.nii")
    matches = match(predicted, reference, folder(tmp_path / "m", "a.nii.gz"))
    assert [(files.name, files.mask) for files in matches.files] == [("a", tmp_path / "m" / "a.nii.gz")]
    assert [(failure.name, failure.reason) for failure in matches.failures] == [("b", "no mask of this name")]
    assert matches.given_masks


def test_one_mask_file_serves_every_case(tmp_path):
    predicted, reference = folder(tmp_path / "p", "a.nii", "b.nii"), folder(tmp_path / "r", "a.nii", "b.nii")
    mask = tmp_path / "mask.nii"
    assert {files.mask for files in match(predicted, reference, mask).files} == {mask}


def test_two_files_are_one_case_whatever_their_names(tmp_path):
    (files,) = match(tmp_path / "synthetic.nii", tmp_path / "ct.nii.gz").files
    assert (files.name, files.predicted.name, files.reference.name) == ("ct", "synthetic.nii", "ct.nii.gz")


def test_a_file_cannot_face_a_folder(tmp_path):
    with pytest.raises(VolumeError, match="one side is a file and the other a folder"):
        match(tmp_path / "a.nii", tmp_path)


def test_an_empty_folder_is_nothing_to_do(tmp_path):
    with pytest.raises(NothingToDoError, match="no volume in this folder"):
        match(folder(tmp_path / "p", "readme.txt"), folder(tmp_path / "r", "a.nii"))


def test_folders_without_a_common_name_are_nothing_to_do(tmp_path):
    with pytest.raises(NothingToDoError, match="no name in common with the references: x against a"):
        match(folder(tmp_path / "p", "x.nii"), folder(tmp_path / "r", "a.nii"))


def test_masks_of_other_names_are_nothing_to_do(tmp_path):
    predicted, reference = folder(tmp_path / "p", "a.nii"), folder(tmp_path / "r", "a.nii")
    with pytest.raises(NothingToDoError, match="none has the name of a case"):
        match(predicted, reference, folder(tmp_path / "m", "x.nii"))


def test_two_files_of_one_name_are_refused(tmp_path):
    predicted, reference = folder(tmp_path / "p", "a.nii", "a.nii.gz"), folder(tmp_path / "r", "a.nii")
    with pytest.raises(VolumeError, match=r"a\.nii and a\.nii\.gz share one name"):
        match(predicted, reference)
