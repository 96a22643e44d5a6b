"""What the first bytes of a NIfTI or MGH file promise, checked before anything is allocated."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from modality_translate.errors import VolumeError
from modality_translate.volumes.placement import check_affine, place, shear_notes
from modality_translate.volumes.stream import GZIP_MAGIC
from modality_translate.volumes.volume import Forms, Grid, Shape

NIFTI_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
UNSUPPORTED_TYPES = {
    0: "unknown", 1: "binary", 32: "complex64", 128: "RGB", 1536: "float128", 1792: "complex128", 2048: "complex256",
    2304: "RGBA",
}  # fmt: skip
MGH_TYPES = {0: "u1", 1: "i4", 3: "f4", 4: "i2", 10: "u2"}
MAGICS = {348: {b"n+1\0": True, b"ni1\0": False}, 540: {b"n+2\0\r\n\x1a\n": True, b"ni2\0\r\n\x1a\n": False}}
"""Header length to magic to whether the voxels are in the same file."""
OFFSET_LIMIT = 2**28
MGH_BYTES = 284
CONVERT = "Convert it to a plain scalar volume first."
DAMAGED = "The file is damaged or of another format; write it again as NIfTI."


@dataclass(frozen=True, eq=False)
class Header:
    """The grid of one frame, the number type on disk, and how to find and scale the voxels."""

    format: str
    """NIfTI-1, NIfTI-2 or MGH."""
    grid: Grid
    stored: np.dtype[Any]
    """Number type on disk, with its byte order."""
    frames: int
    offset: int
    """Byte at which the first frame begins, in the file that holds the voxels."""
    slope: float = 1.0
    inter: float = 0.0
    forms: Forms = field(default_factory=Forms)
    notes: tuple[str, ...] = ()

    @property
    def dtype(self) -> str:
        """Name of the number type on disk, such as "int16"."""
        return str(self.stored.name)

    @property
    def frame_bytes(self) -> int:
        """Length of one frame on disk."""
        return math.prod(self.grid.shape) * self.stored.itemsize

    @property
    def always_finite(self) -> bool:
        """Whether no voxel can be NaN or infinite in float32, whatever its bits are: unscaled integers."""
        return self.stored.kind in "iu" and (self.slope, self.inter) == (1, 0)


def nifti_length(start: bytes, path: Path) -> tuple[int, str]:
    """Length of the header that begins with these 4 bytes, 348 or 540, and its byte order, "<" or ">"."""
    if start.startswith(GZIP_MAGIC):
        raise VolumeError(path, "is gzip-compressed, although its name does not say so.", "Add .gz to its name.")
    for order in "<>":
        length = struct.unpack(f"{order}i", start)[0] if len(start) == 4 else 0
        if length in MAGICS:
            return length, order
    raise VolumeError(path, "does not begin like a NIfTI file (sizeof_hdr is neither 348 nor 540).", DAMAGED)


@np.errstate(all="ignore")
def parse_nifti(block: bytes, order: str, path: Path, *, single: bool) -> Header:
    """Understand a header of 348 (NIfTI-1) or 540 (NIfTI-2) bytes; `single` when the voxels must be in the same file.

    Raises VolumeError for every field that cannot be believed, naming the field.
    """
    version = {348: 1, 540: 2}[len(block)]
    kind = nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header
    raw = kind(block, endianness=order, check=False)
    _check_magic(block, path, single=single)
    shape, frames = _dimensions(raw["dim"].tolist(), path)
    stored, type_notes = _nifti_type(raw, order, path)
    slope, inter, scale_notes = _scaling(float(raw["scl_slope"]), float(raw["scl_inter"]), path)
    placement = place(raw, shape, path)
    return Header(
        format=f"NIfTI-{version}",
        grid=Grid(shape, placement.affine),
        stored=stored,
        frames=frames,
        offset=_offset(float(raw["vox_offset"]), len(block) + 4 if single else 0, path),
        slope=slope,
        inter=inter,
        forms=placement.forms,
        notes=type_notes + scale_notes + placement.notes,
    )


@np.errstate(all="ignore")
def parse_mgh(block: bytes, path: Path) -> Header:
    """Understand the first 284 bytes of an MGH file (FreeSurfer); its geometry is nibabel's."""
    if len(block) < MGH_BYTES or block[:4] != b"\0\0\0\1":
        raise VolumeError(path, "does not begin like an MGH file (version 1).", DAMAGED)
    raw = nibabel.MGHImage.header_class(block, check=False)
    affine = np.asarray(raw.get_affine(), float)
    if not struct.unpack(">h", block[28:30])[0]:
        # Readers do not agree on a default, and a wrong one turns the head upside down.
        raise VolumeError(path, "records no orientation (goodRASFlag is 0).", "Set it first, with mri_convert.")
    shape, frames = _dimensions([4, *raw["dims"].tolist(), 1, 1, 1], path)
    code = int(raw["type"])
    if code not in MGH_TYPES:
        raise VolumeError(path, f"has voxels of an unsupported MGH type (code {code}).", CONVERT)
    check_affine(affine, path)
    header = Header("MGH", Grid(shape, affine), np.dtype(">" + MGH_TYPES[code]), frames, MGH_BYTES)
    return replace(header, notes=shear_notes(affine))


def check_budget(header: Header, path: Path, max_bytes: int) -> None:
    """Refuse a frame that takes more than `max_bytes`, on disk or as float32 in memory."""
    wanted = max(header.frame_bytes, 4 * math.prod(header.grid.shape))
    if wanted > max_bytes:
        size = " x ".join(map(str, header.grid.shape))
        reason = f"announces {size} voxels, {wanted / 2**30:.3g} GiB; the limit is {max_bytes / 2**30:.3g} GiB."
        raise VolumeError(path, reason, "Crop it, or raise max_bytes if the size is genuine.")


def _check_magic(block: bytes, path: Path, *, single: bool) -> None:
    magic = block[344:348] if len(block) == 348 else block[4:12]
    known = MAGICS[len(block)]
    if magic not in known:
        raise VolumeError(path, "has no NIfTI magic (an Analyze file does not tell left from right).", DAMAGED)
    if known[magic] != single:
        where = "a separate .img file, but is named as a single file" if single else "itself, but is named .hdr"
        raise VolumeError(path, f"says its voxels are in {where}.", "Give it the name of its kind.")


def _dimensions(dim: list[int], path: Path) -> tuple[Shape, int]:
    """The shape of a frame and the number of frames from dim[0..7]."""
    ndim = dim[0]
    if not 1 <= ndim <= 7:
        raise VolumeError(path, f"has {ndim} dimensions in dim[0]; 1 to 7 are possible.", DAMAGED)
    sizes = [*dim[1 : ndim + 1], *[1] * (7 - ndim)]
    for axis, size in enumerate(sizes, start=1):
        if size < 1:
            raise VolumeError(path, f"has dim[{axis}] = {size}; a size of at least 1 is needed.", DAMAGED)
    if any(size > 1 for size in sizes[4:]):
        raise VolumeError(path, f"has more than 4 dimensions ({sizes}).", "Split it into volumes first.")
    return (sizes[0], sizes[1], sizes[2]), sizes[3]


def _nifti_type(raw: Any, order: str, path: Path) -> tuple[np.dtype[Any], tuple[str, ...]]:
    code, bits = int(raw["datatype"]), int(raw["bitpix"])
    if code not in NIFTI_TYPES:
        name = UNSUPPORTED_TYPES.get(code, "unknown")
        supported = "8 to 64 bit integers, float32 and float64 are supported"
        raise VolumeError(path, f"has {name} voxels (datatype {code}); {supported}.", CONVERT)
    stored = np.dtype(order + NIFTI_TYPES[code])
    if bits == 8 * stored.itemsize:
        return stored, ()
    return stored, (f"bitpix says {bits} bits but the datatype is {stored.name}: the datatype is used",)


def _scaling(slope: float, inter: float, path: Path) -> tuple[float, float, tuple[str, ...]]:
    if slope == 0 or not math.isfinite(slope):
        return 1.0, 0.0, (f"scl_slope is {slope:g}: the voxels are taken as stored",)
    if not math.isfinite(inter):
        raise VolumeError(path, f"has scl_inter = {inter:g}, so its numbers have no meaning.", DAMAGED)
    return slope, inter, ()


def _offset(offset: float, least: int, path: Path) -> int:
    if not least <= offset <= OFFSET_LIMIT or offset != int(offset):
        reason = f"has vox_offset = {offset:g}; a whole number from {least} to {OFFSET_LIMIT} is needed."
        raise VolumeError(path, reason, DAMAGED)
    return int(offset)
