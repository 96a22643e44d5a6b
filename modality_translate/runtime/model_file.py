"""The model file: one .onnx whose `metadata_props` say all a host needs, read without any engine.

Keys: `mtranslate.schema`, `mtranslate.spec` (JSON of `Spec`), `mtranslate.card` (plain text), `mtranslate.sha256`,
`model_author`, `model_license`.

The hash rule: `mtranslate.sha256` is the lower-case hexadecimal SHA-256 of the file's bytes with the 64 digits of that
very value replaced by 64 zeros ("0"). Any host can check it without a protobuf library. It proves that the file is
whole, not who made it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from modality_translate.errors import ModelError
from modality_translate.pipeline.spec import SCHEMA_VERSION, Spec
from modality_translate.runtime import scan
from modality_translate.runtime.graph import Graph, read_graph
from modality_translate.runtime.protobuf import Field, Wire, WireError
from modality_translate.runtime.shipped import shipped_models

LARGEST_MODEL = 2 * 2**30
LARGEST_SPEC = 16 * 1024
_METADATA_PROPS = 14
_SHA256 = "mtranslate.sha256"


@dataclass(frozen=True)
class ModelFile:
    """A model file whose hash and structure have been checked. `name` is the file's name without its folder."""

    name: str
    spec: Spec
    card: str
    sha256: str
    author: str
    licence: str
    data: bytes = field(repr=False)


class _Entry(NamedTuple):
    value: str
    start: int
    """Where the value's bytes begin in the file."""


class Draft:
    """A model file that is not believed yet: its parts are read when they are first asked for.

    Each part raises `ModelError` where it cannot be had.
    """

    def __init__(self, path: Path, data: bytes | None = None) -> None:
        self.path = path
        if data is not None:
            self.__dict__["data"] = data

    @cached_property
    def data(self) -> bytes:
        return _read(self.path)

    @property
    def entries(self) -> dict[str, _Entry]:
        return self._parts()[0]

    @property
    def graph(self) -> Graph:
        return self._parts()[1]

    def _parts(self) -> tuple[dict[str, _Entry], Graph]:
        if isinstance(self._scanned, ModelError):
            raise self._scanned
        return self._scanned

    @cached_property
    def _scanned(self) -> tuple[dict[str, _Entry], Graph] | ModelError:
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
        except scan.RefusedError as error:
            remedy = "Export the run again; only models by `mtranslate export` are run."
            raise ModelError(self.path, f"{error}.", remedy) from error


def read_model(path: Path) -> ModelFile:
    """The model in `path`. Raises `ModelError` for all that is not a whole, plain model of a known schema."""
    return parse_model(Draft(path))


def parse_model(draft: Draft) -> ModelFile:
    """The model, if it passes every check of `CHECKS`. Raises `ModelError` otherwise."""
    for check in CHECKS.values():
        check(draft)
    return ModelFile(
        name=draft.path.name,
        spec=draft.spec,
        card=draft.value("mtranslate.card"),
        sha256=draft.value(_SHA256),
        author=draft.value("model_author"),
        licence=draft.value("model_license"),
        data=draft.data,
    )


def _check_file(draft: Draft) -> None:
    assert draft.data is not None


def _check_ours(draft: Draft) -> None:
    if not {"mtranslate.spec", _SHA256} <= draft.entries.keys():
        raise ModelError(draft.path, "was not exported by mtranslate: it does not say how to prepare a volume.",
                         "Export a trained run with `mtranslate export`.")  # fmt: skip


def _check_schema(draft: Draft) -> None:
    schema = draft.value("mtranslate.schema")
    if not re.fullmatch(r"[0-9]{1,6}", schema):
        raise ModelError(draft.path, f"has no readable schema number ({schema[:20]!r}).", "Export the run again.")
    if int(schema) > SCHEMA_VERSION:
        raise ModelError(draft.path, f"has schema {schema}; this version reads up to {SCHEMA_VERSION}.",
                         "Update with: pip install --upgrade modality-translate")  # fmt: skip


def _check_hash(draft: Draft) -> None:
    claimed, start = draft.entries.get(_SHA256, _Entry("", 0))
    if not re.fullmatch(r"[0-9a-f]{64}", claimed):
        raise ModelError(draft.path, "has no readable mtranslate.sha256.", "Copy or export it again.")
    view = memoryview(draft.data)
    digest = hashlib.sha256(view[:start])
    digest.update(b"0" * 64)
    digest.update(view[start + 64 :])
    if digest.hexdigest() != claimed:
        raise ModelError(draft.path, "is damaged or was changed: its hash does not match.", "Copy or export it again.")


def _check_operators(draft: Draft) -> None:
    with draft.refusing():
        scan.check_operators(draft.graph)


def _check_weights(draft: Draft) -> None:
    with draft.refusing():
        scan.check_weights(draft.graph)


def _check_sizes(draft: Draft) -> None:
    with draft.refusing():
        scan.check_sizes(draft.graph)


def _check_spec(draft: Draft) -> None:
    assert draft.spec


def _check_ports(draft: Draft) -> None:
    with draft.refusing():
        scan.check_ports(draft.graph, draft.spec.tiling)


CHECKS: dict[str, Callable[[Draft], None]] = {
    "one file under 2 GB": _check_file,
    "ONNX with our metadata": _check_ours,
    "schema number": _check_schema,
    "hash": _check_hash,
    "allowed operators only": _check_operators,
    "weights inside the file": _check_weights,
    "sizes fixed by the file": _check_sizes,
    "spec": _check_spec,
    "ports as in the spec": _check_ports,
}
"""What must hold before an engine sees a file, in this order; each raises `ModelError`."""


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


def _entries(wire: Wire) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    for prop in wire.fields():
        if prop.number == _METADATA_PROPS:
            key, entry = _entry(wire, prop)
            # Parsers disagree on which of two equal keys counts; ours are never written twice.
            if key in entries:
                raise scan.RefusedError(f"has the key {key[:40]!r} twice")
            entries[key] = entry
    return entries


def _entry(wire: Wire, prop: Field) -> tuple[str, _Entry]:
    key, value = "", _Entry("", prop.stop)
    for part in wire.fields(prop):
        if part.number == 1:
            key = wire.text(part)
        elif part.number == 2:
            value = _Entry(wire.text(part), part.start)
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
