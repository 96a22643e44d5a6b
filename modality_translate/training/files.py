"""Files that are whole or absent, in folders made as needed."""

from __future__ import annotations

from pathlib import Path

from modality_translate.volumes.atomic import replacing


def write_bytes(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step. Raises `VolumeError` for every failure of the file system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, overwrite=True) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """UTF-8, with the line ends it has."""
    write_bytes(path, text.encode())
