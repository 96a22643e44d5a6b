"""A model file that is not believed yet: its bytes, metadata, graph and spec, each read when first asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from modality_translate.errors import ModelError
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime.graph import Graph, read_graph
from modality_translate.runtime.protobuf import Field, Wire, WireError
from modality_translate.runtime.scan import RefusedError
from modality_translate.runtime.shipped import shipped_models

LARGEST_MODEL = 2 * 2**30
LARGEST_SPEC = 16 * 1024
_METADATA_PROPS = 14


class Entry(NamedTuple):
    """One metadata value."""

    value: str
    start: int
    """Where the value's bytes begin in the file."""


class Draft:
    """The parts of the file in `path`, or of `data` if its bytes are known; `ModelError` where a part cannot be had."""

    def __init__(self, path: Path, data: bytes | None = None) -> None:
        self.path = path
        if data is not None:
            self.__dict__["data"] = data

    @cached_property
    def data(self) -> bytes:
        return _read(self.path)

    @property
    def entries(self) -> dict[str, Entry]:
        return self._parts()[0]

    @property
    def graph(self) -> Graph:
        return self._parts()[1]

    def _parts(self) -> tuple[dict[str, Entry], Graph]:
        if isinstance(self._scanned, ModelError):
            raise self._scanned
        return self._scanned

    @cached_property
    def _scanned(self) -> tuple[dict[str, Entry], Graph] | ModelError:
        """Metadata and graph, or why there are none: a file made to keep the scanner busy is scanned once."""
        try:
            with self.refusing():
                wire = Wire(self.data)
                return _entries(wire), read_graph(wire)
        except ModelError as error:
            return error

    @cached_property
    def spec(self) -> Spec:
        return _spec(self.path, self.value("mtranslate.spec"))

    def value(self, key: str) -> str:
        """The metadata entry `key`; empty where there is none."""
        return self.entries[key].value if key in self.entries else ""

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Whatever the scanner says becomes a `ModelError` that names the file."""
        try:
            yield
        except WireError as error:
            raise ModelError(
                self.path, f"is not a readable ONNX file ({error}).", "Copy or export it again."
            ) from error
        except RefusedError as error:
            remedy = "Export the run again; only models by `mtranslate export` are run."
            raise ModelError(self.path, f"{error}.", remedy) from error


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            names = ", ".join(shipped_models())
            remedy = f"Give a .onnx file written by `mtranslate export`, or a shipped model ({names})."
            raise ModelError(path, "there is no such model file.", remedy)
        if path.stat().st_size > LARGEST_MODEL:
            raise ModelError(path, "is larger than 2 GB.", "A translator is one file under 2 GB.")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(path, f"cannot be read ({error.strerror}).") from error


def _entries(wire: Wire) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for prop in wire.fields():
        if prop.number == _METADATA_PROPS:
            key, entry = _entry(wire, prop)
            # Parsers disagree on which of two equal keys counts; ours are never written twice.
            if key in entries:
                raise RefusedError(f"has the key {key[:40]!r} twice")
            entries[key] = entry
    return entries


def _entry(wire: Wire, prop: Field) -> tuple[str, Entry]:
    key, value = "", Entry("", prop.stop)
    for part in wire.fields(prop):
        if part.number == 1:
            key = wire.text(part)
        elif part.number == 2:
            value = Entry(wire.text(part), part.start)
    return key, value


def _spec(path: Path, text: str) -> Spec:
    if len(text.encode()) > LARGEST_SPEC:
        raise ModelError(path, "has a spec of more than 16 kB.", "Export the run again.")
    try:
        spec = Spec.model_validate(json.loads(text, object_pairs_hook=_without_doubles))
        # JSON can spell half a character, which no text file and no terminal takes.
        spec.canonical_json().encode()
        return spec
    except (ValidationError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(path, f"has a spec that cannot be used ({reason}).", "Export the run again.") from error


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two equal keys, parsers take the first, the last, or neither."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
