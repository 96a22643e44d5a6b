"""What `mtranslate view` shows: volumes, models and reports behind the paths it was given, and their checked bytes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from modality_translate.errors import NothingToDoError, TranslationError, VolumeError
from modality_translate.runtime.model_file import read_model
from modality_translate.runtime.shipped import located
from modality_translate.volumes.encoding import encode
from modality_translate.volumes.folder import list_volumes, volume_suffix
from modality_translate.volumes.header import Header
from modality_translate.volumes.nifti import read_header, read_volume

Kind = Literal["volume", "model", "report"]
REPORTS = (".html", ".json")
LARGEST_REPORT = 64 * 2**20


@dataclass(frozen=True)
class Item:
    """One thing to look at. `id` is random, so that it says nothing of the path."""

    id: str
    name: str
    """For people: the path below the one that was given."""
    kind: Kind
    path: Path

    def listed(self) -> dict[str, str]:
        """What the page is told of it."""
        return {"id": self.id, "name": self.name, "kind": self.kind, "suffix": self.path.suffix.lower()}


@dataclass(frozen=True)
class Catalogue:
    """The items in order, and what was passed over with the reason."""

    items: tuple[Item, ...]
    refused: tuple[TranslationError, ...]


def catalogue(paths: Iterable[Path]) -> Catalogue:
    """The volumes (header checked), models (wholly checked) and reports in `paths`; folders are searched.

    Raises `NothingToDoError` if nothing can be shown.
    """
    items: list[Item] = []
    refused: list[TranslationError] = []
    for path, name in _named(paths):
        try:
            items.append(_item(path, name))
        except TranslationError as error:
            refused.append(error)
    if not items:
        reasons = " ".join(str(error) for error in refused[:3])
        raise NothingToDoError(
            "view", f"there is nothing to show. {reasons}".strip(), "Give volumes, models or reports."
        )
    return Catalogue(tuple(items), tuple(refused))


def content(item: Item) -> bytes:
    """The bytes to serve. A volume is read and checked in full and written anew, as float32 NIfTI without its texts.

    Raises `VolumeError` or `ModelError` for what cannot be trusted.
    """
    return _CONTENTS[item.kind](item.path)


def _named(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    for path in paths:
        if path.is_dir():
            yield from ((file, str(file.relative_to(path))) for file in _in_folder(path))
        else:
            found = located(path)
            yield found, found.name


def _in_folder(folder: Path) -> list[Path]:
    """Volumes below `folder`, and the models and reports directly in it."""
    beside = [file for file in folder.iterdir() if file.is_file() and file.suffix.lower() in (".onnx", *REPORTS)]
    return [*list_volumes(folder), *sorted(beside)]


def _item(path: Path, name: str) -> Item:
    kind = _kind(path)
    if kind == "volume":
        _one_frame(path, read_header(path))
    elif kind == "model":
        read_model(path)
    else:
        _report(path)
    return Item(secrets.token_urlsafe(12), name, kind, path)


def _kind(path: Path) -> Kind:
    if path.suffix.lower() == ".onnx":
        return "model"
    return "report" if path.suffix.lower() in REPORTS and volume_suffix(path) is None else "volume"


def _one_frame(path: Path, header: Header) -> None:
    if header.frames > 1:
        raise VolumeError(path, f"is 4D with {header.frames} frames; 3D volumes are shown.", "Split it first.")


def _volume(path: Path) -> bytes:
    # The name decides only between plain and packed, and loopback needs no packing.
    return b"".join(encode(path.with_suffix(".nii"), read_volume(path), "float32", ""))


def _model(path: Path) -> bytes:
    return read_model(path).data


def _report(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_REPORT:
            raise VolumeError(path, "is too large for a report (over 64 MB).", "Open it in the browser directly.")
        return path.read_bytes()
    except OSError as error:
        raise VolumeError(path, f"cannot be read ({error.strerror}).") from error


_CONTENTS: dict[Kind, Callable[[Path], bytes]] = {"volume": _volume, "model": _model, "report": _report}
