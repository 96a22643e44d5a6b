"""A final name means a whole file: nothing half-written is ever left."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from modality_translate.errors import VolumeError
from modality_translate.volumes import Volume, atomic, read_volume, write_volume

REASONS = {
    errno.ENOSPC: "No space left on device. Free some space",
    errno.EACCES: "Permission denied. Choose a folder",
    errno.EIO: "Input/output error. Check the disk",
}


@pytest.fixture
def volume(voxels, oblique):
    return Volume.of(voxels, oblique)


@pytest.mark.parametrize("code", REASONS)
@pytest.mark.parametrize("call", ["fsync", "write", "replace"])
def test_a_failing_disk_leaves_the_old_file_and_no_temporary(volume, tmp_path, monkeypatch, code, call):
    path = tmp_path / "a.nii.gz"
    write_volume(path, volume)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(code, os.strerror(code))

    if call == "write":
        monkeypatch.setattr("modality_translate.volumes.nifti.encode", lambda *_: (fail() for _ in range(1)))
    else:
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(VolumeError, match=rf"a.nii.gz: cannot be written: {REASONS[code]}"):
        write_volume(path, volume, overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.nii.gz"]
    assert path.read_bytes() == before


def test_the_order_is_sync_rename_sync_of_the_folder(volume, tmp_path, monkeypatch):
    events = []
    sync, rename = os.fsync, os.replace

    def watch_sync(handle):
        events.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def watch_rename(source, target):
        events.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", watch_sync)
    monkeypatch.setattr(os, "replace", watch_rename)
    write_volume(tmp_path / "a.nii.gz", volume)
    assert events == ["file", "rename", "folder"]


def test_an_interruption_leaves_nothing(tmp_path):
    def interrupted():
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"^$"), atomic.replacing(tmp_path / "a.nii", overwrite=False) as file:
        file.writelines(interrupted())
    assert list(tmp_path.iterdir()) == []


def test_a_leftover_of_the_same_process_number_is_replaced(volume, tmp_path):
    (tmp_path / f".a.nii.{os.getpid()}{atomic.TEMPORARY_SUFFIX}").write_bytes(b"old")
    write_volume(tmp_path / "a.nii", volume)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.nii"]


def test_what_is_there_is_overwritten_only_when_asked(volume, tmp_path):
    path = tmp_path / "a.nii"
    write_volume(path, volume)
    with pytest.raises(VolumeError, match="exists already"):
        write_volume(path, volume)
    write_volume(path, Volume(volume.array + 1, volume.grid), overwrite=True)
    np.testing.assert_array_equal(read_volume(path).array, volume.array + 1)


def test_impossible_targets_are_refused(volume, tmp_path):
    (tmp_path / "folder.nii").mkdir()
    (tmp_path / "link.nii").symlink_to(tmp_path / "nowhere.nii")
    for name, reason in {
        "a.mha": "cannot be written in this format. End the name in .nii.gz or .nii",
        "a.hdr": "End the name",
        "absent/a.nii": "No such file or directory. Create the folder first",
        "folder.nii": "is a folder",
        "link.nii": "exists already",
        "x" * 300 + ".nii": "File name too long. Choose a shorter name",
    }.items():
        with pytest.raises(VolumeError, match=reason):
            write_volume(tmp_path / name, volume)


KILLED = """
import sys, numpy as np
from modality_translate.volumes import Volume, write_volume
volume = Volume.of(np.random.default_rng(0).normal(size=(64, 64, 64)), np.eye(4))
print("ready", flush=True)
while True:
    write_volume(sys.argv[1], volume, overwrite=True)
"""


def test_a_killed_writer_leaves_a_whole_file_or_none(tmp_path):
    path = tmp_path / "a.nii.gz"
    for milliseconds in (3, 60):
        child = subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE)
        child.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(milliseconds / 1000)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        if path.exists():
            assert read_volume(path).array.shape == (64, 64, 64)


def test_a_temporary_file_says_whose_it_is(tmp_path: Path):
    with atomic.replacing(tmp_path / "a.b.nii", overwrite=False) as file:
        assert atomic.temporary_of(Path(file.name).name) == ("a.b.nii", os.getpid())
    assert atomic.temporary_of("a.b.nii") is None
