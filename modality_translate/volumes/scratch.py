"""Arrays too large for memory: each lies in a nameless file, and what is made of it lies in another one beside it.

Code that goes through a volume slab by slab works on both kinds alike: it asks for room with `empty` and `empty_as`,
and `rest` lets go of the memory that an array on disk takes. The system writes and reads its pages as needed.
"""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from modality_translate.errors import VolumeError


class _File(mmap.mmap):
    """A mapped file, and the folder it lies in."""

    folder: Path


def on_disk(shape: tuple[int, ...], dtype: DTypeLike, folder: Path) -> NDArray[Any]:
    """Zeros in C order, in a file of `folder` that has no name and ends with the last view of the array.

    Raises `VolumeError` where the file system has no room for all of it.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".mtranslate-") as file:
            _reserve(file.fileno(), size)
            mapped = _File(file.fileno(), size)
    except OSError as error:
        reason = f"takes no scratch file of {size / 1e9:.2f} GB: {error.strerror or error}."
        raise VolumeError(folder, reason, "Free some space, or allow more memory.") from error
    mapped.folder = folder
    return np.ndarray(shape, dtype, mapped)


def empty(shape: tuple[int, ...], dtype: DTypeLike, like: NDArray[Any]) -> NDArray[Any]:
    """Room for an array (C order) in memory, or on disk beside `like` if that lies there."""
    file = _file_of(like)
    return np.empty(shape, dtype) if file is None else on_disk(shape, dtype, file.folder)


def empty_as(like: NDArray[Any], dtype: DTypeLike, *, axis: int = 0, size: int | None = None) -> NDArray[Any]:
    """Room for an array of the shape and memory order of `like`, where that lies; with another `size` along `axis`."""
    order = sorted(range(like.ndim), key=lambda a: -abs(like.strides[a]))
    shape = [size if a == axis and size is not None else like.shape[a] for a in order]
    return empty(tuple(shape), dtype, like).transpose(np.argsort(order))


def is_on_disk(array: NDArray[Any]) -> bool:
    """Whether `array` is a view of a file made here."""
    return _file_of(array) is not None


def rest(*arrays: NDArray[Any]) -> None:
    """Let go of the memory that holds `arrays` on disk; no voxel is lost. Nothing happens to arrays in memory."""
    for array in arrays:
        file = _file_of(array)
        if file is not None and hasattr(mmap, "MADV_DONTNEED"):
            file.madvise(mmap.MADV_DONTNEED)


def _reserve(handle: int, size: int) -> None:
    """All of the room at once: a disk found full in the middle of a mapped file would kill the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:
        os.truncate(handle, size)


def _file_of(array: NDArray[Any]) -> _File | None:
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, _File) else None
