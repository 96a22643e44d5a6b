"""Volume files that are strange but sound, which must keep their voxels, and what is no file at all."""

from __future__ import annotations

import gzip
import os
import socket
import struct
from pathlib import Path

from hostile_volumes import INF, NAN, START, Make, dims, header, mgh, packed, plain


def extended(size: int) -> Make:
    """An extension of 16 bytes that claims to be `size` bytes long."""

    def make(sound: bytes) -> bytes:
        start = header(vox_offset=368.0, extension=b"\1\0\0\0")(sound)[:START]
        return start + struct.pack("<ii8s", size, 6, b"\x1b[2Jnote") + sound[START:]

    return make


ODD: dict[str, Make] = {
    "slope_nan.nii": header(scl_slope=NAN),
    "slope_0.nii": header(scl_slope=0.0),
    "slope_infinite.nii": header(scl_slope=INF),
    "garbage_behind.nii.gz": lambda sound: gzip.compress(sound) + b"garbage",
    "two_members.nii.gz": lambda sound: gzip.compress(sound[:1000]) + gzip.compress(sound[1000:]),
    "extension_of_0.nii": extended(0),
    "extension_negative.nii": extended(-16),
    "extension_huge.nii": extended(2**31 - 1),
    "wrong_bitpix.nii": header(bitpix=7),
    "descrip_with_escapes.nii": header(descrip=b"\x1b[2J\x1b]0;owned\x07"),
    "a\nline\x1b[2J.nii": plain,
    "-rf.nii": plain,
    "$(touch owned).nii": plain,
    "\u202egnp.nii": plain,
    os.fsdecode(b"no-utf8-\xff\xfe.nii"): plain,
    "n" * 200 + ".nii": plain,
    "one_slice.nii": lambda sound: dims(3, 13, 12, 1)(sound)[: START + 4 * 13 * 12],
    "plane.nii": lambda sound: dims(2, 13, 12)(sound)[: START + 4 * 13 * 12],
    "fine.mgz": packed(mgh()),
}


def lay_traps(folder: Path, sound: bytes) -> None:
    """What is no regular file in `folder`, though named like one: none may be opened, followed or waited for."""
    outside = folder.parent / "outside.nii"
    outside.write_bytes(sound)
    (folder / "folder.nii").mkdir()
    (folder / "loop.nii").symlink_to("loop.nii")
    (folder / "ring").symlink_to(folder)
    (folder / "dangling.nii").symlink_to("nowhere.nii")
    (folder / "leads_out.nii").symlink_to(outside)
    (folder / "device.nii").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.nii")
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path may have 108 characters
        one.bind("socket.nii")
        os.chdir(here)
    with (folder / "sparse.nii").open("wb") as sparse:
        sparse.write(sound)
        sparse.truncate(2**40)
