"""The volumes in a folder, and what a volume's file is called."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from modality_translate.errors import VolumeError

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".hdr", ".mgz", ".mgh")
"""Suffixes of files that are volumes; a .hdr stands for its .img as well."""


def list_volumes(folder: Path) -> list[Path]:
    """Every volume below `folder`, sorted by path.

    Hidden files and folders are passed over, and so are links to folders and links that lead out of `folder`.
    Raises VolumeError when `folder`, or a folder in it, cannot be listed.
    """
    folder = Path(folder)
    root = folder.resolve()
    found: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        candidates = (Path(parent, name) for name in names if not name.startswith("."))
        found += [path for path in candidates if volume_suffix(path) and _is_inside(path, root)]
    return sorted(found)


def volume_suffix(path: Path) -> str | None:
    """The known suffix of this name in lower case, such as ".nii.gz"; none when it is not a volume's name."""
    name = Path(path).name.lower()
    return next((suffix for suffix in VOLUME_SUFFIXES if name.endswith(suffix) and name != suffix), None)


def stem(path: Path) -> str:
    """The file name without its volume suffix: "a.b" for a.b.nii.gz."""
    name = Path(path).name
    return name[: -len(volume_suffix(path) or Path(name).suffix) or None]


def _is_inside(path: Path, root: Path) -> bool:
    try:
        return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(root))
    except OSError as error:
        _refuse(error)


def _refuse(error: OSError) -> NoReturn:
    raise VolumeError(str(error.filename), f"cannot be listed: {error.strerror}.", "Give a folder you may read.")
