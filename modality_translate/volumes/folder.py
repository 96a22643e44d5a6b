"""The volumes in a folder, and what a volume's file is called."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from modality_translate.errors import VolumeError

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".hdr", ".mgz", ".mgh")
"""Suffixes of files that are volumes; a .hdr stands for its .img as well."""


def list_volumes(folder: Path, *, follow_links: bool = False) -> list[Path]:
    """Every volume below `folder`, sorted by path; a link with a volume's name that leads nowhere counts as one.

    Hidden files and folders are passed over. So are links to folders and links that lead out of `folder` (see
    `links_out`), unless `follow_links`: then each folder they lead to is listed once, whichever way it is reached
    first. Raises VolumeError when `folder`, or a folder in it, cannot be listed.
    """
    folder = Path(folder)
    inside = None if follow_links else folder.resolve()
    found: list[Path] = []
    for parent, _, names in _walk(folder, follow_links=follow_links):
        candidates = (parent / name for name in names)
        found += [path for path in candidates if volume_suffix(path) and _is_volume(path, inside)]
    return sorted(found)


def links_out(folder: Path) -> list[Path]:
    """Links below `folder` to folders or volumes that lie elsewhere, or to nothing: what `list_volumes` leaves out."""
    folder = Path(folder)
    root = folder.resolve()
    found = []
    for parent, folders, names in _walk(folder):
        links = [link for name in (*folders, *names) if (link := parent / name).is_symlink()]
        found += [link for link in links if _may_be_missed(link) and not resolved(link).is_relative_to(root)]
    return sorted(found)


def resolved(link: Path) -> Path:
    """Where `link` leads; the link itself where it leads round in a circle."""
    try:
        return link.resolve()
    except (OSError, RuntimeError):
        return link.absolute()


def _walk(folder: Path, *, follow_links: bool = False) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder once, with what is in it and not hidden."""
    seen = {folder.resolve()}
    for place, folders, names in os.walk(folder, onerror=_refuse, followlinks=follow_links):
        parent = Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if follow_links:
            # Folders before links to them, so that a folder keeps its own name.
            folders.sort(key=lambda name: (parent / name).is_symlink())
            folders[:] = [name for name in folders if _first_time(resolved(parent / name), seen)]
        yield parent, folders, [name for name in names if not name.startswith(".")]


def _first_time(real: Path, seen: set[Path]) -> bool:
    known = real in seen
    seen.add(real)
    return not known


def volume_suffix(path: Path) -> str | None:
    """The known suffix of this name in lower case, such as ".nii.gz"; none when it is not a volume's name."""
    name = Path(path).name.lower()
    return next((suffix for suffix in VOLUME_SUFFIXES if name.endswith(suffix) and name != suffix), None)


def stem(path: Path) -> str:
    """The file name without its volume suffix: "a.b" for a.b.nii.gz."""
    name = Path(path).name
    return name[: -len(volume_suffix(path) or Path(name).suffix) or None]


def _is_volume(path: Path, inside: Path | None) -> bool:
    """Whether `path` is a file, or a link to one that lies `inside` (anywhere when none) or to nothing."""
    try:
        if path.is_symlink() and not path.exists():
            return True
        return path.is_file() and (inside is None or not path.is_symlink() or path.resolve().is_relative_to(inside))
    except OSError as error:
        _refuse(error)


def _may_be_missed(link: Path) -> bool:
    """Whether a link to elsewhere may hide volumes: a volume, a folder, or nothing that can be seen."""
    if link.exists():
        return link.is_dir() or volume_suffix(link) is not None
    return volume_suffix(link) is None


def _refuse(error: OSError) -> NoReturn:
    raise VolumeError(str(error.filename), f"cannot be listed: {error.strerror}.", "Give a folder you may read.")
