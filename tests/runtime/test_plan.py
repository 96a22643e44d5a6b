from __future__ import annotations

import os
from pathlib import Path

import pytest

from modality_translate.errors import NothingToDoError, RecipeError, VolumeError
from modality_translate.runtime.plan import check_writable, plan


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def test_the_tree_and_the_names_are_kept(tmp_path: Path):
    source = touch(tmp_path / "in", "a.nii.gz", "deep/er/b.mgz", "deep/c.d.nii")
    made = plan(source, tmp_path / "out")
    assert {job.name: job.target.relative_to(tmp_path / "out").as_posix() for job in made.jobs} == {
        "a.nii.gz": "a.nii.gz",
        "deep/c.d.nii": "deep/c.d.nii.gz",
        "deep/er/b.mgz": "deep/er/b.nii.gz",
    }


def test_the_format_is_as_asked(tmp_path: Path):
    source = touch(tmp_path / "in", "a.nii.gz")
    assert plan(source, tmp_path / "out", ".nii").jobs[0].target.name == "a.nii"


def test_one_file_goes_into_a_named_file_or_a_folder(tmp_path: Path):
    source = touch(tmp_path / "in", "a.mgz") / "a.mgz"
    assert plan(source, tmp_path / "x.nii").jobs[0].target == tmp_path / "x.nii"
    assert plan(source, tmp_path / "folder").jobs[0].target == tmp_path / "folder" / "a.nii.gz"


def test_a_file_of_a_format_that_is_not_written_becomes_no_folder(tmp_path: Path):
    source = touch(tmp_path / "in", "a.nii.gz") / "a.nii.gz"
    with pytest.raises(VolumeError, match=r"x\.mgz: cannot be written in this format"):
        plan(source, tmp_path / "x.mgz")


ODD = ["with space.nii", "-rf.nii", "ü ä.nii", "line\nbreak.nii", "a;b&c.nii", "a.b.c.nii.gz", "\udcff.nii"]


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_odd_names_stay_what_they_are(tmp_path: Path, name: str):
    source = touch(tmp_path / "in", name)
    (job,) = plan(source, tmp_path / "out").jobs
    assert job.name == name
    assert job.target.name.removesuffix(".nii.gz") == name.removesuffix(".gz").removesuffix(".nii")


def test_two_inputs_for_one_output_are_refused(tmp_path: Path):
    source = touch(tmp_path / "in", "a.nii", "a.mgz")
    with pytest.raises(VolumeError, match=r"would be written from both a\.mgz and a\.nii"):
        plan(source, tmp_path / "out")


def test_an_output_never_replaces_an_input(tmp_path: Path):
    source = touch(tmp_path / "in", "a.nii.gz")
    for given, out in ((source, source), (source / "a.nii.gz", source), (source / "a.nii.gz", source / "a.nii.gz")):
        with pytest.raises(VolumeError, match="would replace an input"):
            plan(given, out)


def test_results_below_the_input_are_not_inputs(tmp_path: Path):
    source = touch(tmp_path / "in", "a.nii.gz", "out/a.nii.gz")
    assert [job.name for job in plan(source, source / "out").jobs] == ["a.nii.gz"]


def test_a_link_in_the_output_leads_nowhere_else(tmp_path: Path):
    source = touch(tmp_path / "in", "sub/a.nii.gz")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VolumeError, match="leads out of the output folder"):
        plan(source, tmp_path / "out")


def test_nothing_found_is_told(tmp_path: Path):
    with pytest.raises(NothingToDoError, match="there is no such file"):
        plan(tmp_path / "none", tmp_path / "out")
    with pytest.raises(NothingToDoError, match="holds no volume"):
        plan(touch(tmp_path / "in", "readme.txt"), tmp_path / "out")


def test_a_folder_does_not_go_into_a_file(tmp_path: Path):
    source = touch(tmp_path / "in", "a.nii.gz")
    with pytest.raises(VolumeError, match="needs a folder as output"):
        plan(source, source / "a.nii.gz")


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_every_volume_is_in_one_part(tmp_path: Path, count: int):
    whole = plan(touch(tmp_path / "in", *[f"{n}.nii" for n in "abcde"]), tmp_path / "out")
    parts = [whole.part(index, count) for index in range(count)]
    assert sorted(job.name for part in parts for job in part.jobs) == [f"{n}.nii" for n in "abcde"]
    assert {len(part.jobs) - len(parts[-1].jobs) for part in parts} <= {0, 1}


def test_a_place_that_may_not_be_written_to_is_told_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    check_writable(tmp_path / "new" / "out")
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place) != tmp_path)
    with pytest.raises(VolumeError, match=rf"out: cannot be written: {tmp_path} may not be written to"):
        check_writable(tmp_path / "new" / "out")


def test_each_link_out_is_named_in_one_part(tmp_path: Path):
    source = touch(tmp_path / "in", *[f"{n}.nii" for n in "abcde"])
    for name in ("x", "y", "z"):
        (source / name).symlink_to(tmp_path)
    whole = plan(source, tmp_path / "out")
    assert whole.unfollowed == ("x", "y", "z")
    assert sorted(name for index in range(2) for name in whole.part(index, 2).unfollowed) == ["x", "y", "z"]


def test_one_file_has_no_parts(tmp_path: Path):
    made = plan(touch(tmp_path / "in", "a.nii") / "a.nii", tmp_path / "x.nii")
    with pytest.raises(RecipeError, match="--num-parts: is for a folder"):
        made.part(0, 2)


def test_an_output_that_changes_is_seen(tmp_path: Path):
    made = plan(touch(tmp_path / "in", "a.nii"), tmp_path / "out")
    assert made.looked_at().jobs[0].seen is None
    touch(tmp_path / "out", "a.nii.gz")
    before = made.looked_at().jobs[0].seen
    (tmp_path / "out" / "a.nii.gz").write_bytes(b"more")
    assert None not in (before, made.looked_at().jobs[0].seen)
    assert before != made.looked_at().jobs[0].seen


def test_the_first_output_that_is_there_is_named(tmp_path: Path):
    made = plan(touch(tmp_path / "in", "a.nii", "b.nii", "c.nii"), tmp_path / "out")
    made.refuse_existing()
    touch(tmp_path / "out", "b.nii.gz", "c.nii.gz")
    with pytest.raises(VolumeError, match=r"b\.nii\.gz: is already there \(and 1 more\).*--on-exists skip"):
        made.refuse_existing()
