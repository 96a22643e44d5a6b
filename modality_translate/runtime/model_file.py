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
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from modality_translate.errors import ModelError
from modality_translate.pipeline.spec import SCHEMA_VERSION, Spec
from modality_translate.runtime.protobuf import Field, WireError, fields, text
from modality_translate.runtime.scan import RefusedError, check_structure
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


def read_model(path: Path) -> ModelFile:
    """The model in `path`. Raises `ModelError` for all that is not a whole, plain model of a known schema."""
    data = _read(path)
    view = memoryview(data)
    try:
        entries = _entries(view)
        _check_ours(path, entries)
        digest = _check_hash(path, view, entries)
        check_structure(view)
    except WireError as error:
        raise ModelError(path, f"is not a readable ONNX file ({error}).", "Copy or export it again.") from error
    except RefusedError as error:
        raise ModelError(
            path, f"{error}.", "Export the run again; only models by `mtranslate export` are run."
        ) from error
    return ModelFile(
        name=path.name,
        spec=_spec(path, entries),
        card=_value(entries, "mtranslate.card"),
        sha256=digest,
        author=_value(entries, "model_author"),
        licence=_value(entries, "model_license"),
        data=data,
    )


def _read(path: Path) -> bytes:
    if not path.is_file():
        names = ", ".join(shipped_models())
        remedy = f"Give a .onnx file written by `mtranslate export`, or a shipped model ({names})."
        raise ModelError(path, "there is no such model file.", remedy)
    try:
        if path.stat().st_size > LARGEST_MODEL:
            raise ModelError(path, "is larger than 2 GB.", "A translator is one file under 2 GB.")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(path, f"cannot be read ({error.strerror}).") from error


def _entries(data: memoryview) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    for prop in fields(data, 0, len(data)):
        if prop.number == _METADATA_PROPS:
            key, entry = _entry(data, prop)
            # Parsers disagree on which of two equal keys counts; ours are never written twice.
            if key in entries:
                raise RefusedError(f"has the key {key[:40]!r} twice")
            entries[key] = entry
    return entries


def _entry(data: memoryview, prop: Field) -> tuple[str, _Entry]:
    key, value = "", _Entry("", prop.stop)
    for part in fields(data, prop.start, prop.stop):
        if part.number == 1:
            key = text(data, part)
        elif part.number == 2:
            value = _Entry(text(data, part), part.start)
    return key, value


def _value(entries: dict[str, _Entry], key: str) -> str:
    return entries[key].value if key in entries else ""


def _check_ours(path: Path, entries: dict[str, _Entry]) -> None:
    if "mtranslate.spec" not in entries or _SHA256 not in entries:
        raise ModelError(path, "was not exported by mtranslate: it does not say how to prepare a volume.",
                         "Export a trained run with `mtranslate export`.")  # fmt: skip
    schema = _value(entries, "mtranslate.schema")
    if not re.fullmatch(r"[0-9]{1,6}", schema):
        raise ModelError(path, f"has no readable schema number ({schema[:20]!r}).", "Export the run again.")
    if int(schema) > SCHEMA_VERSION:
        raise ModelError(path, f"has schema {schema}; this version reads up to {SCHEMA_VERSION}.",
                         "Update with: pip install --upgrade modality-translate")  # fmt: skip


def _check_hash(path: Path, data: memoryview, entries: dict[str, _Entry]) -> str:
    claimed, start = entries[_SHA256]
    if not re.fullmatch(r"[0-9a-f]{64}", claimed):
        raise ModelError(path, "has no readable mtranslate.sha256.", "Copy or export it again.")
    digest = hashlib.sha256(data[:start])
    digest.update(b"0" * 64)
    digest.update(data[start + 64 :])
    if digest.hexdigest() != claimed:
        raise ModelError(path, "is damaged or was changed: its hash does not match.", "Copy or export it again.")
    return claimed


def _spec(path: Path, entries: dict[str, _Entry]) -> Spec:
    value = _value(entries, "mtranslate.spec")
    if len(value.encode()) > LARGEST_SPEC:
        raise ModelError(path, "has a spec of more than 16 kB.", "Export the run again.")
    try:
        return Spec.model_validate(json.loads(value))
    except (ValidationError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(path, f"has a spec that cannot be used ({reason}).", "Export the run again.") from error
