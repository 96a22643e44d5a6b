"""Volume files made to do harm: each a function of a sound, uncompressed NIfTI-1 file that gives a file's bytes."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable

import numpy as np

Make = Callable[[bytes], bytes]
NAN, INF = float("nan"), float("inf")
_FIELDS = {
    "sizeof_hdr": (0, "<i"),
    "dim": (40, "<8h"),
    "datatype": (70, "<h"),
    "bitpix": (72, "<h"),
    "pixdim": (76, "<8f"),
    "vox_offset": (108, "<f"),
    "scl_slope": (112, "<f"),
    "scl_inter": (116, "<f"),
    "descrip": (148, "<80s"),
    "forms": (252, "<2h"),
    "quaternion": (256, "<3f"),
    "srow": (280, "<12f"),
    "magic": (344, "<4s"),
    "extension": (348, "<4s"),
}
START = 352


def header(**fields: object) -> Make:
    """The sound file with header fields written over."""

    def make(sound: bytes) -> bytes:
        data = bytearray(sound)
        for name, value in fields.items():
            place, kind = _FIELDS[name]
            struct.pack_into(kind, data, place, *(value if isinstance(value, tuple) else (value,)))
        return bytes(data)

    return make


def dims(*sizes: int) -> Make:
    return header(dim=(*sizes, *[1] * (8 - len(sizes))))


def voxels(change: Callable[[np.ndarray], np.ndarray], **fields: object) -> Make:
    """The sound file with its float32 voxels, in file order, replaced."""

    def make(sound: bytes) -> bytes:
        array = np.frombuffer(sound[START:], "<f4")
        return header(**fields)(sound)[:START] + change(array.copy()).tobytes()

    return make


def some(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[100:110] = value
        return array

    return change


def packed(make: Make) -> Make:
    return lambda sound: gzip.compress(make(sound), mtime=0)


def plain(sound: bytes) -> bytes:
    return sound


def _members(block: bytes, times: int) -> bytes:
    return gzip.compress(block, mtime=0) * times


def bomb(edge: int) -> Make:
    """A header that announces `edge` cubed voxels, and that many zeros as gzip members."""
    return lambda sound: (
        gzip.compress(dims(3, edge, edge, edge)(sound)[:START]) + _members(bytes(2**24), 4 * edge**3 // 2**24 + 1)
    )


def flipped(place: float) -> Make:
    """One bit of the compressed file changed."""

    def make(sound: bytes) -> bytes:
        data = bytearray(gzip.compress(sound, mtime=0))
        data[int(place * len(data))] ^= 16
        return bytes(data)

    return make


def mgh(
    *, version: int = 1, sizes: tuple[int, ...] = (13, 12, 11, 1), kind: int = 3, good: int = 1, cosine: float = 1.0
) -> Make:
    """A FreeSurfer file of the sound file's voxels."""

    def make(sound: bytes) -> bytes:
        cosines = (-1.0 * cosine, 0, 0, 0, 0, -1, 0, 1, 0)
        start = struct.pack(">i4iiih3f9f3f", version, *sizes, kind, 0, good, 2, 2, 3, *cosines, 0, 0, 0)
        return start.ljust(284, b"\0") + np.frombuffer(sound[START:], "<f4").astype(">f4").tobytes()

    return make


ROW = (-2.0, 0, 0, 10, 0, -2, 0, 20, 0, 0, 3, -30)


def srow(**replaced: float) -> Make:
    """The sform with entries `m<place>` replaced, and no qform beside it."""
    row = list(ROW)
    for name, value in replaced.items():
        row[int(name[1:])] = value
    return header(srow=tuple(row), forms=(0, 1))


BROKEN: dict[str, Make] = {
    "empty.nii": lambda _: b"",
    "empty.nii.gz": lambda _: b"",
    "byte.nii": lambda _: b"\x5c",
    "text.nii": lambda _: b"<html><script>alert(1)</script></html>" * 20,
    "noise.nii": lambda _: np.random.default_rng(0).bytes(5000),
    "noise.nii.gz": lambda _: b"\x1f\x8b" + np.random.default_rng(0).bytes(5000),
    "header_cut.nii": lambda sound: sound[:200],
    "header_alone.nii": lambda sound: sound[:START],
    "cut.nii": lambda sound: sound[:-1],
    "cut.nii.gz": lambda sound: gzip.compress(sound)[:-9],
    "cut_in_the_checksum.nii.gz": lambda sound: gzip.compress(sound)[:-3],
    "half.nii.gz": lambda sound: gzip.compress(sound)[: len(sound) // 4],
    "bit_early.nii.gz": flipped(0.2),
    "bit_in_the_middle.nii.gz": flipped(0.5),
    "bit_late.nii.gz": flipped(0.9),
    "wrong_checksum.nii.gz": lambda sound: gzip.compress(sound)[:-8] + bytes(4) + gzip.compress(sound)[-4:],
    "wrong_length.nii.gz": lambda sound: gzip.compress(sound)[:-4] + b"\1\2\3\4",
    "packed_twice.nii.gz": packed(lambda sound: gzip.compress(sound)),
    "not_packed.nii.gz": plain,
    "packed.nii": packed(plain),
    "second_volume_behind.nii.gz": packed(lambda sound: sound + sound[START:] * 12),
    "second_volume_behind.nii": lambda sound: sound + sound[START:] * 12,
    "bomb_large.nii.gz": bomb(800),
    "bomb_behind.nii.gz": lambda sound: gzip.compress(sound) + _members(bytes(2**26), 100),
    "bomb_lie.nii.gz": packed(dims(3, 1000, 1000, 1000)),
    "magic.nii": header(magic=b"abc\0"),
    "magic_of_analyze.nii": header(magic=bytes(4)),
    "magic_of_a_pair.nii": header(magic=b"ni1\0"),
    "header_length_0.nii": header(sizeof_hdr=0),
    "header_length_349.nii": header(sizeof_hdr=349),
    "header_length_540.nii": header(sizeof_hdr=540),
    "no_axes.nii": dims(0, 13, 12, 11),
    "minus_one_axes.nii": dims(-1, 13, 12, 11),
    "eight_axes.nii": dims(8, 13, 12, 11),
    "size_0.nii": dims(3, 13, 0, 11),
    "size_negative.nii": dims(3, -13, 12, 11),
    "size_largest.nii": dims(3, 32767, 32767, 32767),
    "size_doubled.nii": dims(3, 13, 12, 22),
    "frames_0.nii": dims(4, 13, 12, 11, 0),
    "frames_2.nii": dims(4, 13, 12, 5, 2),
    "five_axes.nii": dims(5, 13, 12, 1, 1, 11),
    "seven_axes.nii": dims(7, 13, 1, 1, 1, 2, 2, 2),
    "offset_negative.nii": header(vox_offset=-352.0),
    "offset_in_the_header.nii": header(vox_offset=100.0),
    "offset_fraction.nii": header(vox_offset=352.5),
    "offset_huge.nii": header(vox_offset=1e30),
    "offset_beyond.nii": header(vox_offset=1e6),
    "offset_nan.nii": header(vox_offset=NAN),
    "offset_infinite.nii": header(vox_offset=INF),
    "type_unknown.nii": header(datatype=9999),
    "type_0.nii": header(datatype=0),
    "type_negative.nii": header(datatype=-4),
    "type_binary.nii": header(datatype=1),
    "type_complex.nii": header(datatype=32, dim=(3, 13, 12, 5, 1, 1, 1, 1)),
    "type_rgb.nii": header(datatype=128),
    "type_rgba.nii": header(datatype=2304),
    "type_float128.nii": header(datatype=1536, dim=(3, 13, 12, 2, 1, 1, 1, 1)),
    "slope_overflow.nii": header(scl_slope=3e38),
    "intercept_nan.nii": header(scl_slope=2.0, scl_inter=NAN),
    "intercept_infinite.nii": header(scl_slope=2.0, scl_inter=INF),
    "affine_nan.nii": srow(m0=NAN),
    "affine_infinite.nii": srow(m3=INF),
    "affine_zero.nii": header(srow=(0.0,) * 12, forms=(0, 1)),
    "affine_singular.nii": srow(m0=0.0, m2=3.0),
    "affine_parallel.nii": header(srow=(2.0, 2, 0, 0, 2, 2, 0, 0, 0, 0, 3, 0), forms=(0, 1)),
    "affine_of_kilometres.nii": srow(m0=1e6),
    "affine_of_atoms.nii": srow(m0=1e-9),
    "quaternion_beyond_one.nii": header(quaternion=(3.0, 3, 3), forms=(1, 0)),
    "quaternion_nan.nii": header(quaternion=(NAN, 0, 0), forms=(1, 0)),
    "pixdim_nan.nii": header(pixdim=(1, NAN, NAN, NAN, 0, 0, 0, 0), forms=(0, 0)),
    "pixdim_infinite.nii": header(pixdim=(1, INF, 2, 3, 0, 0, 0, 0), forms=(1, 0)),
    "voxels_nan.nii": voxels(lambda a: a * NAN),
    "voxels_some_nan.nii": voxels(some(NAN)),
    "voxels_infinite.nii": voxels(some(INF)),
    "voxels_constant.nii": voxels(lambda a: a * 0 + 7),
    "voxels_zero.nii": voxels(lambda a: a * 0),
    "alone.hdr": lambda sound: header(magic=b"ni1\0")(sound)[:348],
    "single.hdr": plain,
    "mgh_cut.mgz": packed(lambda sound: mgh()(sound)[:-100]),
    "mgh_of_version_2.mgz": packed(mgh(version=2)),
    "mgh_without_orientation.mgz": packed(mgh(good=0)),
    "mgh_size_negative.mgz": packed(mgh(sizes=(-13, 12, 11, 1))),
    "mgh_size_huge.mgh": mgh(sizes=(30000, 30000, 30000, 1)),
    "mgh_type_99.mgh": mgh(kind=99),
    "mgh_cosine_nan.mgh": mgh(cosine=NAN),
    "mgh_cosine_zero.mgh": mgh(cosine=0.0),
    "nifti_named.mgh": plain,
    "mgh_named.nii": mgh(),
}
