from __future__ import annotations

from pathlib import Path

import pytest

from modality_translate.errors import NothingToDoError, VolumeError
from modality_translate.runtime.plan import plan


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


def test_the_first_output_that_is_there_is_named(tmp_path: Path):
    made = plan(touch(tmp_path / "in", "a.nii", "b.nii", "c.nii"), tmp_path / "out")
    made.refuse_existing()
    touch(tmp_path / "out", "b.nii.gz", "c.nii.gz")
    with pytest.raises(VolumeError, match=r"b\.nii\.gz: is already there \(and 1 more\).*--on-exists skip"):
        made.refuse_existing()
