"""Files that appear under their final name complete, or not at all."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from modality_translate.errors import VolumeError

TEMPORARY_SUFFIX = ".mtranslate-tmp"
REMEDIES = {
    errno.ENOSPC: "Free some space and run again.",
    errno.EDQUOT: "Free some space and run again.",
    errno.EFBIG: "Write to a file system that takes larger files.",
    errno.EACCES: "Choose a folder you may write to.",
    errno.EPERM: "Choose a folder you may write to.",
    errno.EROFS: "Choose a folder you may write to.",
    errno.ENOENT: "Create the folder first.",
    errno.ENOTDIR: "Choose a folder you may write to.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


@contextmanager
def replacing(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """A new file beside `path` that takes its name once it is complete and on disk; nothing is left on failure.

    The order is write, sync, rename, sync the folder, so that a power cut leaves the old file or the new one.
    Raises VolumeError for every failure of the file system, and for a name in use unless `overwrite`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        _check_target(path, overwrite=overwrite)
        try:
            temporary.unlink(missing_ok=True)
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "Check the disk and the folder.")
        raise VolumeError(path, f"cannot be written: {error.strerror or error}.", remedy) from error


def temporary_of(name: str) -> tuple[str, int] | None:
    """The final name and the writer's process number, if `name` is a file's that `replacing` fills; else none."""
    found = re.fullmatch(rf"\.(.+)\.(\d+){re.escape(TEMPORARY_SUFFIX)}", name, re.DOTALL)
    return (found[1], int(found[2])) if found else None


def _check_target(path: Path, *, overwrite: bool) -> None:
    if path.is_dir():
        raise VolumeError(path, "is a folder.", "Choose another name.")
    if not overwrite and (path.exists() or path.is_symlink()):
        raise VolumeError(path, "exists already.", "Ask for overwriting, or choose another name.")


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened, and the rename is already durable
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
