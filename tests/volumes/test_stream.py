"""Whatever happens to a file between two disks, it is never read as other anatomy."""

import gzip
import os
import random
import time

import numpy as np
import pytest

from modality_translate.errors import VolumeError
from modality_translate.volumes import read_header, read_volume
from modality_translate.volumes.stream import open_stream


@pytest.fixture
def noise(nifti):
    return nifti(data=np.random.default_rng(0).integers(0, 900, (5, 4, 3)))


def test_no_flipped_bit_of_a_gzip_file_goes_unnoticed(noise, save):
    path = save(noise, "a.nii.gz")
    good, truth = path.read_bytes(), read_volume(path).array
    dice = random.Random(1)
    refused = 0
    for bit in dice.sample(range(8 * len(good)), 150):
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            array = read_volume(path).array
        except VolumeError:
            refused += 1
            continue
        # Harmless: the time, the flags and the system in the gzip header, and bits that pad the last byte.
        np.testing.assert_array_equal(array, truth)
    assert refused > 130


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii"])
def test_no_truncated_file_is_read(noise, save, name):
    path = save(noise, name)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(VolumeError, match=r"truncated|empty|not begin|not gzip"):
            read_volume(path)


def test_members_are_joined_as_one_file(noise, tmp_path, voxels):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"".join(gzip.compress(noise[start : start + 100]) for start in range(0, len(noise), 100)))
    assert read_volume(path).array.shape == voxels.shape


def test_a_damaged_later_member_is_an_error(noise, tmp_path):
    path = tmp_path / "a.nii.gz"
    second = bytearray(gzip.compress(noise[300:]))
    second[-6] ^= 1
    path.write_bytes(gzip.compress(noise[:300]) + second)
    with pytest.raises(VolumeError, match="damaged: gzip data, incorrect checksum"):
        read_volume(path)


@pytest.mark.parametrize("garbage", [b"x", b"\x1f", bytes(512), b"hello" * 50])
def test_garbage_after_the_gzip_data_is_a_note(noise, tmp_path, garbage):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(noise) + garbage)
    assert read_volume(path).notes == (f"{len(garbage)} bytes after the gzip data were ignored",)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii"])
def test_a_few_bytes_after_the_voxels_are_a_note_and_many_an_error(noise, save, name):
    assert "16 bytes after the voxels were ignored" in read_volume(save(noise + bytes(16), name)).notes
    with pytest.raises(VolumeError, match="more than the 472 bytes its header describes"):
        read_volume(save(noise + bytes(2**17), name))


@pytest.mark.parametrize(
    ("dim", "reason"),
    [
        ([3, 5, 4, 3, 1, 1, 1, 1], "more than the"),
        ([3, 1000, 1000, 1000, 1, 1, 1, 1], "no scan does"),
        ([3, 2000, 2000, 2000, 1, 1, 1, 1], "limit is 4 GiB"),
        ([3, 900, 1000, 1100, 1, 1, 1, 1], "cannot unpack"),
    ],
)
def test_a_gzip_bomb_is_refused_fast(nifti, tmp_path, dim, reason):
    path = tmp_path / "bomb.nii.gz"
    zeros = gzip.compress(bytes(2**22), 9)
    members = 1 if "cannot" in reason else 500
    path.write_bytes(gzip.compress(nifti(dim=dim)) + zeros * members)
    begin = time.perf_counter()
    with pytest.raises(VolumeError, match=reason):
        read_volume(path)
    assert time.perf_counter() - begin < 2


def test_a_wrong_suffix_is_answered_with_the_right_one(noise, tmp_path):
    (tmp_path / "plain.nii.gz").write_bytes(noise)
    (tmp_path / "packed.nii").write_bytes(gzip.compress(noise))
    with pytest.raises(VolumeError, match=r"plain.nii.gz: is not gzip-compressed"):
        read_volume(tmp_path / "plain.nii.gz")
    with pytest.raises(VolumeError, match=r"packed.nii: is gzip-compressed, .* Add .gz"):
        read_volume(tmp_path / "packed.nii")


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.nii")
    (tmp_path / "folder.nii.gz").mkdir()
    (tmp_path / "loop.nii").symlink_to(tmp_path / "loop.nii")
    for name, reason in {
        "pipe.nii": "not a regular file",
        "folder.nii.gz": "is a folder",
        "loop.nii": "symbolic links",
        "absent.nii": "does not exist",
        "long" * 100 + ".nii": "too long",
    }.items():
        with pytest.raises(VolumeError, match=reason):
            read_volume(tmp_path / name)
    with pytest.raises(VolumeError, match="not a regular file"), open_stream(type(tmp_path)("/dev/zero"), packed=False):
        pass


def test_denied_permission_is_named(noise, save, monkeypatch):
    def deny(*_):
        raise PermissionError(13, "Permission denied")

    path = save(noise)
    monkeypatch.setattr(os, "open", deny)
    with pytest.raises(VolumeError, match="permission denied"):
        read_volume(path)


def test_reading_errors_of_the_disk_and_of_memory_name_the_file(noise, save, monkeypatch):
    path = save(noise)
    for failure, reason in ((OSError(5, "Input/output error"), "Input/output error"), (MemoryError(), "into memory")):

        def fail(*_, failure=failure, **__):
            raise failure

        monkeypatch.setattr(np, "frombuffer", fail)
        with pytest.raises(VolumeError, match=rf"volume.nii: .*{reason}"):
            read_volume(path)


def test_the_header_is_read_without_the_voxels(noise, tmp_path):
    path = tmp_path / "a.nii.gz"
    damaged = bytearray(gzip.compress(noise))
    damaged[-5] ^= 1
    path.write_bytes(damaged)
    header = read_header(path)
    assert (header.format, header.dtype, header.frames, header.grid.shape) == ("NIfTI-1", "int16", 1, (5, 4, 3))
