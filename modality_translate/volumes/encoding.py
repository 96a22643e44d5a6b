"""A volume as the bytes of a NIfTI file: a fresh header that carries geometry only, and always the same bytes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

import nibabel
import numpy as np
from numpy.typing import NDArray

from modality_translate.errors import VolumeError
from modality_translate.volumes.folder import volume_suffix
from modality_translate.volumes.packing import Piece, packed
from modality_translate.volumes.placement import check_affine
from modality_translate.volumes.scratch import rest
from modality_translate.volumes.slabs import slowest_last
from modality_translate.volumes.volume import Affine, Array, Forms, Grid, Volume

StoredName = Literal["int16", "float32", "uint8"]
NIFTI1_LARGEST = 2**15 - 1
SLAB = 2**20
ALIGNED = 2


def encode(path: Path, volume: Volume, dtype: StoredName, description: str) -> Iterator[bytes]:
    """The bytes of a NIfTI file named `path`, header first, then the voxels slab by slab.

    Raises VolumeError when the grid or a voxel cannot be written.
    """
    start = _header_bytes(path, volume, dtype, description)
    pieces = chain([lambda: start], _slabs(path, slowest_last(volume.array), np.dtype(dtype)))
    if volume_suffix(path) == ".nii":
        return (piece() for piece in pieces)
    return packed(pieces)


def as_nibabel(volume: Volume) -> Any:
    """`volume` as a nibabel NIfTI image that shares its voxels. Raises VolumeError for a grid it cannot hold."""
    header = _header("volume", volume, "float32", "")
    kind = nibabel.Nifti1Image if max(volume.grid.shape) <= NIFTI1_LARGEST else nibabel.Nifti2Image
    return kind(volume.array, volume.grid.affine, header)


def _header_bytes(path: Path, volume: Volume, dtype: StoredName, description: str) -> bytes:
    header = _header(path, volume, dtype, description)
    no_extensions = bytes(4)
    return bytes(header.as_byteswapped("<").binaryblock) + no_extensions


def _header(path: Path | str, volume: Volume, dtype: StoredName, description: str) -> Any:
    """A nibabel header that carries geometry and `description` alone."""
    if not volume.array.size:
        raise VolumeError(path, f"would be empty: shape {volume.array.shape}.", "Give a volume with voxels.")
    if dtype not in get_args(StoredName):
        raise VolumeError(path, f"cannot be written as {dtype}.", f"Choose one of {', '.join(get_args(StoredName))}.")
    check_affine(volume.grid.affine, path)
    small = max(volume.grid.shape) <= NIFTI1_LARGEST
    header = nibabel.Nifti1Header() if small else nibabel.Nifti2Header()
    header.set_data_shape(volume.grid.shape)
    header.set_data_dtype(np.dtype(dtype).newbyteorder("<"))
    header.set_xyzt_units("mm")
    header.set_slope_inter(1, 0)
    header["descrip"] = description.encode("ascii", "replace")[:79]
    _set_forms(header, volume.grid, volume.forms)
    header["magic"] = header.single_magic
    header["vox_offset"] = header.single_vox_offset
    return header


def _set_forms(header: Any, grid: Grid, forms: Forms) -> None:
    """Both forms lead to the affine, under the codes of `forms`, as far as that reads back as the same affine.

    A sheared affine is no qform, so its qform code is 0. Where no code is left to lead to the affine, the sform gets
    one: the qform's, or "aligned" when no space was known.
    """
    header.set_qform(grid.affine, code=1, strip_shears=True)
    header.set_sform(grid.affine, code=1)
    rotation = np.asarray(header.get_qform(), float)
    qform = forms.qform if Grid(grid.shape, rotation).matches(grid, tolerance=0.05) else 0
    sform = forms.sform or (0 if qform and _same(rotation, grid.affine) else forms.qform or ALIGNED)
    header["qform_code"], header["sform_code"] = qform, sform


def _same(affine: Affine, other: Affine) -> bool:
    return np.allclose(affine, other, rtol=1e-6, atol=1e-5)


def _slabs(path: Path, array: Array, dtype: np.dtype[Any]) -> Iterator[Piece]:
    """The voxels in file order, x fastest, little-endian, each slab made when it is called for."""
    x, y, z = array.shape
    depth = max(1, SLAB // (x * y))
    for start in range(0, z, depth):
        yield partial(_slab_bytes, path, array[:, :, start : start + depth], dtype)


def _slab_bytes(path: Path, slab: Array, dtype: np.dtype[Any]) -> bytes:
    least, most = float(slab.min()), float(slab.max())
    if not math.isfinite(least) or not math.isfinite(most):
        raise VolumeError(path, "would hold NaN or infinite voxels.", "Replace them before writing.")
    stored = _stored(slab, least, most, dtype).tobytes(order="F")
    rest(slab)
    return stored


def _stored(slab: Array, least: float, most: float, dtype: np.dtype[Any]) -> NDArray[Any]:
    """`slab`, whose values lie between `least` and `most`, as little-endian `dtype`."""
    if dtype.kind == "f":
        return slab.astype("<f4", copy=False)
    limits, whole = np.iinfo(dtype), np.rint(slab)
    if least < limits.min or most > limits.max:
        np.clip(whole, limits.min, limits.max, out=whole)
    return whole.astype(dtype.newbyteorder("<"))
