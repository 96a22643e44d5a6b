"""Reading NIfTI-1, NIfTI-2 and FreeSurfer MGH files, writing NIfTI; every failure is one VolumeError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modality_translate.errors import VolumeError
from modality_translate.volumes.atomic import replacing
from modality_translate.volumes.encoding import StoredName, encode
from modality_translate.volumes.folder import VOLUME_SUFFIXES, volume_suffix
from modality_translate.volumes.header import MGH_BYTES, Header, check_budget, nifti_length, parse_mgh, parse_nifti
from modality_translate.volumes.stream import Stream, open_stream
from modality_translate.volumes.volume import Volume
from modality_translate.volumes.voxels import read_voxels

MAX_BYTES = 4 * 2**30
NIFTI_SLACK = 2**16
"""More bytes than this after the voxels mean that the header counts too few."""
MGH_SLACK = 2**24
"""MGH files end with free text after the voxels."""


def read_volume(
    path: str | Path, *, frame: int | None = None, max_bytes: int = MAX_BYTES, scratch: Path | None = None
) -> Volume:
    """The volume in a .nii, .nii.gz, .hdr/.img, .mgh or .mgz file; of a 4D file, the frame counted from 0.

    `max_bytes` bounds one frame, on disk and as float32. Gzip files are verified to their last byte. With a folder
    `scratch` the voxels lie in a nameless file there, and so does what is made of them.
    Raises VolumeError for whatever keeps the file from being understood without doubt.
    """
    path = Path(path)
    with _opened(path, max_bytes) as (header, stream):
        chosen = _choose_frame(header, frame, path)
        end = header.offset + header.frames * header.frame_bytes
        stream.require(end)
        stream.skip_to(header.offset + chosen * header.frame_bytes)
        array = read_voxels(stream, header, scratch)
        stream.skip_to(end)
        ending = stream.finish(MGH_SLACK if header.format == "MGH" else NIFTI_SLACK)
    if header.format == "MGH":
        ending = tuple(note for note in ending if "gzip" in note)
    return Volume(array, header.grid, header.forms, header.notes + ending)


def read_header(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Header:
    """What the header says, with the same checks as `read_volume`, but without reading or verifying the voxels."""
    path = Path(path)
    with _opened(path, max_bytes) as (header, stream):
        stream.require(header.offset + header.frames * header.frame_bytes)
    return header


def write_volume(
    path: str | Path, volume: Volume, *, dtype: StoredName = "float32", description: str = "", overwrite: bool = False
) -> None:
    """Write a .nii or .nii.gz file through a temporary neighbour; integers are rounded and clipped.

    The header is new: dimensions, mm, the affine as sform and, where it is a rotation, as qform, and `description`
    (ASCII, its first 79 characters). Equal volumes give equal bytes.
    Raises VolumeError when the name, the numbers or the disk do not allow it.
    """
    path = Path(path)
    if volume_suffix(path) not in (".nii", ".nii.gz"):
        raise VolumeError(path, "cannot be written in this format.", "End the name in .nii.gz or .nii.")
    pieces = encode(path, volume, dtype, description)
    with replacing(path, overwrite=overwrite) as file:
        file.writelines(pieces)


@contextmanager
def _opened(path: Path, max_bytes: int) -> Iterator[tuple[Header, Stream]]:
    """The header, and the stream that holds the voxels."""
    suffix = volume_suffix(path) or path.suffix.lower()
    if suffix not in (*VOLUME_SUFFIXES, ".img"):
        with open_stream(path, packed=False):
            known = ", ".join((*VOLUME_SUFFIXES, ".img"))
            remedy = "Convert it to NIfTI first, for example with SimpleITK or dcm2niix."
            raise VolumeError(path, f"is of no supported format ({known}).", remedy)
    if suffix in (".hdr", ".img"):
        with _opened_pair(path) as (header, stream):
            check_budget(header, path, max_bytes)
            yield header, stream
        return
    with open_stream(path, packed=suffix in (".nii.gz", ".mgz")) as stream:
        header = _read_start(stream, single=True, mgh=suffix in (".mgh", ".mgz"))
        check_budget(header, path, max_bytes)
        yield header, stream


@contextmanager
def _opened_pair(path: Path) -> Iterator[tuple[Header, Stream]]:
    with open_stream(_sibling(path, ".hdr"), packed=False) as start:
        header = _read_start(start, single=False, mgh=False)
    image = _sibling(path, ".img")
    if not image.exists():
        raise VolumeError(path, f"has no {image.name} beside it, which holds its voxels.", "Copy both files.")
    with open_stream(image, packed=False) as stream:
        yield header, stream


def _sibling(path: Path, suffix: str) -> Path:
    """The other half of a pair, in the same letter case."""
    return path.with_suffix(suffix.upper() if path.suffix.isupper() else suffix)


def _read_start(stream: Stream, *, single: bool, mgh: bool) -> Header:
    if mgh:
        return parse_mgh(stream.read(MGH_BYTES), stream.path)
    start = stream.read(4)
    length, order = nifti_length(start, stream.path)
    return parse_nifti(start + stream.exactly(length - 4), order, stream.path, single=single)


def _choose_frame(header: Header, frame: int | None, path: Path) -> int:
    if frame is None and header.frames > 1:
        reason = f"is 4D with {header.frames} frames; one volume is needed."
        raise VolumeError(path, reason, "Choose one frame (convert --frame N, counted from 0), or split the file.")
    chosen = frame or 0
    if not 0 <= chosen < header.frames:
        raise VolumeError(path, f"has no frame {chosen}.", f"Choose one from 0 to {header.frames - 1}.")
    return chosen
