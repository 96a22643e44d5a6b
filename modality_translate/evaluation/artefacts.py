"""Written results appear complete or not at all, and nothing is replaced unless asked."""

from __future__ import annotations

from pathlib import Path

from modality_translate.errors import TranslationError
from modality_translate.volumes.atomic import replacing
from modality_translate.volumes.folder import volume_suffix


def check_writable(path: Path, *, overwrite: bool) -> None:
    """Raise `TranslationError` if `path` cannot be a new file, so that a long job can ask before it starts."""
    if path.is_dir():
        raise TranslationError(path, "is a folder.", "Choose another name.")
    if volume_suffix(path):
        raise TranslationError(path, "has the name of a volume, but is to be a text.", "Choose another name.")
    if not path.parent.is_dir():
        raise TranslationError(path, "its folder does not exist.", "Create the folder first.")
    if not overwrite and (path.exists() or path.is_symlink()):
        raise TranslationError(path, "exists already.", "Allow overwriting (--overwrite), or choose another name.")


def write_text(path: Path, text: str, *, overwrite: bool = False) -> None:
    """Write UTF-8 text beside `path`, sync and rename.

    Raises `TranslationError` as `check_writable` does, and `VolumeError` if the disk does not take it.
    """
    check_writable(path, overwrite=overwrite)
    with replacing(path, overwrite=overwrite) as file:
        file.write(text.encode())
