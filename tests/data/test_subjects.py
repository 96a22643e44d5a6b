from __future__ import annotations

from pathlib import Path

import pytest

from modality_translate.data.subjects import Case, find_cases
from modality_translate.errors import NothingToDoError, PairingError, RecipeError
from modality_translate.recipe import Data


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_two_folders_pair_by_relative_path_without_suffix(tmp_path: Path):
    touch(tmp_path, "mr/p1/x.nii.gz", "mr/q.nii", "ct/p1/x.nii", "ct/q.mgz")
    cases = find_cases(Data(source="mr", target="ct"), tmp_path).cases
    assert [case.name for case in cases] == ["p1/x", "q"]
    assert cases[0].source == tmp_path / "mr/p1/x.nii.gz"
    assert cases[0].target == tmp_path / "ct/p1/x.nii"


def test_the_star_of_a_pattern_is_the_case(tmp_path: Path):
    touch(tmp_path, "s-01/mr.nii.gz", "s-01/ct.nii.gz", "s-02/mr.nii.gz", "s-02/ct.nii.gz", "other/mr.nii.gz")
    cases = find_cases(Data(source="s-*/mr.nii.gz", target="s-*/ct.nii.gz"), tmp_path).cases
    assert [case.name for case in cases] == ["01", "02"]


def test_the_star_may_stand_inside_a_file_name(tmp_path: Path):
    touch(tmp_path, "all/a_mr.nii", "all/a_ct.nii", "all/[x]_mr.nii", "all/[x]_ct.nii")
    cases = find_cases(Data(source="all/*_mr.nii", target="all/*_ct.nii"), tmp_path).cases
    assert [case.name for case in cases] == ["[x]", "a"]


def test_cases_with_one_side_are_left_out_and_told(tmp_path: Path):
    touch(tmp_path, "mr/a.nii", "mr/b.nii", "ct/a.nii", "ct/c.nii")
    found = find_cases(Data(source="mr", target="ct"), tmp_path)
    assert [case.name for case in found.cases] == ["a"]
    assert found.notes == (
        "1 sources without a target are left out: b",
        "1 targets without a source are left out: c",
    )


def test_unpaired_data_keep_cases_with_one_side(tmp_path: Path):
    touch(tmp_path, "mr/a.nii", "ct/b.nii")
    cases = find_cases(Data(source="mr", target="ct", paired=False), tmp_path).cases
    assert [(case.name, case.paired) for case in cases] == [("a", False), ("b", False)]


def test_no_common_name_is_refused_with_what_was_found(tmp_path: Path):
    touch(tmp_path, "mr/a.nii", "ct/b.nii")
    with pytest.raises(PairingError, match=r"sources: a; targets: b.*--unpaired"):
        find_cases(Data(source="mr", target="ct"), tmp_path)


def test_one_case_in_two_formats_is_refused(tmp_path: Path):
    touch(tmp_path, "mr/a.nii", "mr/a.nii.gz", "ct/a.nii")
    with pytest.raises(PairingError, match="same case name a"):
        find_cases(Data(source="mr", target="ct"), tmp_path)


def test_a_folder_inside_the_other_side_is_refused(tmp_path: Path):
    touch(tmp_path, "all/ct/a.nii", "all/a.nii")
    with pytest.raises(PairingError, match="both a source and a target"):
        find_cases(Data(source="all", target="all/ct"), tmp_path)


def test_an_empty_side_is_nothing_to_do(tmp_path: Path):
    touch(tmp_path, "mr/notes.txt", "ct/a.nii")
    with pytest.raises(NothingToDoError, match="mr: no source volume was found"):
        find_cases(Data(source="mr", target="ct"), tmp_path)


def test_a_pattern_with_two_stars_is_refused(tmp_path: Path):
    with pytest.raises(RecipeError, match=r"exactly one `\*`"):
        find_cases(Data(source="*/*.nii", target="ct"), tmp_path)


def test_a_patient_is_the_first_folder():
    assert Case("p1/day1").patient == Case("p1/day2").patient == "p1"
