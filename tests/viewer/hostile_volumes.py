"""Files that look like volumes, most of one field, and are none."""

from __future__ import annotations

import gzip
import struct
from typing import Any

import nibabel
import numpy as np

SHAPE = (7, 6, 5)


def good() -> bytes:
    array = np.random.default_rng(1).uniform(0, 10, SHAPE).astype(np.float32)
    return bytes(nibabel.Nifti1Image(array, np.diag([2.0, 2.0, 3.0, 1.0])).to_bytes())


def patched(place: int, form: str, *values: Any) -> bytes:
    data = bytearray(good())
    struct.pack_into(form, data, place, *values)
    return bytes(data)


def bomb() -> bytes:
    """A kilobyte that announces 2000 x 2000 x 2000 voxels."""
    return gzip.compress(patched(40, "<8h", 3, 2000, 2000, 2000, 1, 1, 1, 1) + bytes(2**18))


def broken_checksum() -> bytes:
    packed = bytearray(gzip.compress(good()))
    packed[-8] ^= 1
    return bytes(packed)


VOLUMES: dict[str, bytes] = {
    "empty": b"",
    "three bytes": b"\x5c\x01\x00",
    "noise": np.random.default_rng(2).bytes(2000),
    "text": b"<html>" * 100,
    "header only": good()[:352],
    "half a header": good()[:200],
    "one voxel short": good()[:-4],
    "one byte short": good()[:-1],
    "packed, cut": gzip.compress(good())[:-20],
    "packed, without its checksum": gzip.compress(good())[:-8],
    "packed, wrong checksum": broken_checksum(),
    "packed noise": b"\x1f\x8b" + np.random.default_rng(3).bytes(500),
    "packed emptiness": gzip.compress(b""),
    "bomb": bomb(),
    "much after the voxels": good() + bytes(2**17),
    "no dimensions": patched(40, "<h", 0),
    "eight dimensions": patched(40, "<h", 8),
    "minus one dimension": patched(40, "<h", -1),
    "an empty axis": patched(42, "<h", 0),
    "a negative axis": patched(42, "<h", -7),
    "the largest axes": patched(42, "<3h", 32767, 32767, 32767),
    "one axis too long": patched(42, "<h", 8),
    "frames": patched(40, "<8h", 4, 7, 6, 1, 5, 1, 1, 1),
    "five dimensions": patched(40, "<8h", 5, 7, 6, 1, 1, 5, 1, 1),
    "complex": patched(70, "<h", 32),
    "colours": patched(70, "<h", 128),
    "unknown type": patched(70, "<h", 9999),
    "wrong length": patched(0, "<i", 349),
    "no magic": patched(344, "<4s", b"\0\0\0\0"),
    "magic of a pair": patched(344, "<4s", b"ni1\0"),
    "offset beyond all": patched(108, "<f", 1e30),
    "offset in the header": patched(108, "<f", 100.0),
    "offset of no number": patched(108, "<f", float("nan")),
    "offset between bytes": patched(108, "<f", 352.5),
    "intercept of no number": patched(112, "<2f", 1.0, float("nan")),
    "scaled beyond float32": patched(112, "<2f", 3e38, 0.0),
    "NaN in a voxel": patched(400, "<f", float("nan")),
    "infinity in a voxel": patched(404, "<f", float("inf")),
    "NaN in the sform": patched(280, "<f", float("nan")),
    "sform of zeros": patched(280, "<12f", *[0.0] * 12),
    "parallel axes": patched(280, "<12f", *[1, 1, 0, 0] * 2, 0, 0, 1, 0),
    "voxels of a mile": patched(280, "<f", 2e6),
    "quaternion of no rotation": patched(252, "<2h4f", 1, 0, 2.0, 2.0, 2.0, 0.0),
}
