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
    with pytest.raises(PairingError, match=r"1 sources \(a\), 1 targets \(b\).*pairs.csv.*--unpaired"):
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
    with pytest.raises(NothingToDoError, match=r"mr: no source volume was found.*DICOM is not read.*Links that"):
        find_cases(Data(source="mr", target="ct"), tmp_path)


def test_a_pattern_with_two_stars_is_refused(tmp_path: Path):
    with pytest.raises(RecipeError, match=r"exactly one `\*`"):
        find_cases(Data(source="*/*.nii", target="ct"), tmp_path)


def test_a_patient_is_the_first_folder():
    assert Case("p1/day1").patient == Case("p1/day2").patient == "p1"


def listed(tmp_path: Path, *lines: str) -> Data:
    (tmp_path / "lists").mkdir(exist_ok=True)
    (tmp_path / "lists/pairs.csv").write_text("\n".join(("case,source,target", *lines)) + "\n")
    return Data(pairs="lists/pairs.csv")


def test_a_csv_names_the_pairs_relative_to_itself(tmp_path: Path):
    touch(tmp_path, "lists/m1.nii", "ct/scan 7.nii.gz", "x.nii", "y.nii")
    found = find_cases(listed(tmp_path, "b,m1.nii,../ct/scan 7.nii.gz", 'a, ../x.nii ,"../y.nii"'), tmp_path)
    assert [case.name for case in found.cases] == ["a", "b"]
    assert found.cases[1].target is not None
    assert found.cases[1].target.samefile(tmp_path / "ct/scan 7.nii.gz")


def test_links_that_are_not_followed_are_told(tmp_path: Path):
    touch(tmp_path, "mr/a.nii", "ct/a.nii", "elsewhere/b.nii")
    (tmp_path / "mr" / "b").symlink_to(tmp_path / "elsewhere")
    (note,) = find_cases(Data(source="mr", target="ct"), tmp_path).notes
    assert note.startswith("1 links of mr lead out of it and were not followed")
    assert note.endswith(": b")


def test_a_line_with_one_side_is_left_out_of_pairs_and_told(tmp_path: Path):
    touch(tmp_path, "x.nii", "y.nii", "z.nii")
    data = listed(tmp_path, "a,../x.nii,../y.nii", "b,../z.nii,")
    found = find_cases(data, tmp_path)
    assert [case.name for case in found.cases] == ["a"]
    assert found.notes == ("1 sources without a target are left out: b",)
    unpaired = find_cases(data.model_copy(update={"paired": False}), tmp_path)
    assert [case.paired for case in unpaired.cases] == [True, False]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("a,../x.nii,../y.nii", "a,../z.nii,../y.nii"), "line 3: the case a is there twice"),
        ((",../x.nii,../y.nii",), "line 2: the case has no name"),
        (("a,../x.nii,../missing.nii",), r"line 2: there is no file ../missing.nii. Paths are relative to the CSV"),
        (("a,../x.nii,../x.nii",), r"both a source and a target.*Correct its lines in .*\.csv"),
    ],
)
def test_a_csv_that_does_not_hold_says_where(tmp_path: Path, lines: tuple[str, ...], reason: str):
    touch(tmp_path, "x.nii", "y.nii", "z.nii")
    with pytest.raises(PairingError, match=reason):
        find_cases(listed(tmp_path, *lines), tmp_path)


def test_a_csv_without_a_needed_column_says_which(tmp_path: Path):
    (tmp_path / "pairs.csv").write_text("id,source,target\na,b,c\n")
    with pytest.raises(PairingError, match="has no column case"):
        find_cases(Data(pairs="pairs.csv"), tmp_path)
    with pytest.raises(PairingError, match=r"none.csv: cannot be read as CSV \(No such file"):
        find_cases(Data(pairs="none.csv"), tmp_path)


@pytest.mark.parametrize(
    ("text", "there"), [("", "it is empty"), ("case;source;target\n", "its first line has case;source;target")]
)
def test_a_csv_without_its_columns_says_what_is_there(tmp_path: Path, text: str, there: str):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(PairingError, match=f"has no column case, source, target: {there}"):
        find_cases(Data(pairs="pairs.csv"), tmp_path)


def test_a_csv_without_targets_is_nothing_to_do(tmp_path: Path):
    touch(tmp_path, "x.nii")
    with pytest.raises(NothingToDoError, match="names no target volume"):
        find_cases(listed(tmp_path, "a,../x.nii,"), tmp_path)
