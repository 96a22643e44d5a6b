"""Only volumes, only regular files, only inside the folder, always in the same order."""

import os

import pytest

from modality_translate.errors import VolumeError
from modality_translate.volumes import links_out, list_volumes, stem


def _touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def _names(folder):
    return [path.relative_to(folder).as_posix() for path in list_volumes(folder)]


def test_volumes_are_found_at_every_depth_in_order(tmp_path):
    _touch(tmp_path, "b/x.nii.gz", "a.nii", "C.NII.GZ", "b/a/deep.mgz", "p.hdr", "p.img", "notes.txt", "m.mha")
    assert _names(tmp_path) == ["C.NII.GZ", "a.nii", "b/a/deep.mgz", "b/x.nii.gz", "p.hdr"]


def test_hidden_and_temporary_files_are_passed_over(tmp_path):
    _touch(tmp_path, ".a.nii.gz.12.mtranslate-tmp", "._a.nii.gz", ".git/b.nii", ".nii", "ok.nii")
    assert _names(tmp_path) == ["ok.nii"]


@pytest.fixture
def linked(tmp_path):
    inside = tmp_path / "in"
    _touch(tmp_path, "in/real.nii", "in/sub/b.nii", "out/secret.nii", "out/notes.txt", "more/c.nii")
    (inside / "out.nii").symlink_to(tmp_path / "out" / "secret.nii")
    (inside / "same.nii").symlink_to("real.nii")
    (inside / "loop.nii").symlink_to("loop.nii")
    (inside / "gone.nii").symlink_to("absent.nii")
    (inside / "gone").symlink_to(tmp_path / "absent")
    (inside / "folder").symlink_to(tmp_path / "out")
    (inside / "notes.txt").symlink_to(tmp_path / "out" / "notes.txt")
    (inside / "round").symlink_to(inside)
    (inside / "again").symlink_to("sub")
    (tmp_path / "out" / "more").symlink_to(tmp_path / "more")
    (tmp_path / "more" / "back").symlink_to(tmp_path / "out")
    return inside


def test_links_are_followed_only_within_the_folder(linked):
    assert _names(linked) == ["gone.nii", "loop.nii", "real.nii", "same.nii", "sub/b.nii"]


def test_links_that_lead_out_are_known(linked):
    assert [path.name for path in links_out(linked)] == ["folder", "gone", "out.nii"]


def test_asked_to_links_are_followed_and_no_folder_is_listed_twice(linked):
    found = [path.relative_to(linked).as_posix() for path in list_volumes(linked, follow_links=True)]
    assert found == [
        "folder/more/c.nii",
        "folder/secret.nii",
        "gone.nii",
        "loop.nii",
        "out.nii",
        "real.nii",
        "same.nii",
        "sub/b.nii",
    ]


def test_what_is_no_regular_file_is_passed_over(tmp_path):
    os.mkfifo(tmp_path / "pipe.nii")
    (tmp_path / "folder.nii").mkdir()
    assert _names(tmp_path) == []


def test_nasty_names_are_listed(tmp_path):
    names = ["-rf.nii", "a b\n.nii", "\u202egnp.nii", os.fsdecode(b"\xff.nii")]
    _touch(tmp_path, *names)
    assert sorted(_names(tmp_path)) == sorted(names)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(VolumeError, match=r"absent: cannot be listed: No such file"):
        list_volumes(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.b.nii.gz", "a.b"), ("A.NII", "A"), ("x/p.hdr", "p"), ("p.img", "p"), ("v.mgz", "v"), ("model", "model")],
)
def test_the_stem_is_the_name_without_its_volume_suffix(tmp_path, name, expected):
    assert stem(tmp_path / name) == expected
