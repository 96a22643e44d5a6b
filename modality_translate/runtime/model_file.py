"""The model file: one .onnx whose `metadata_props` say all a host needs, read without any engine.

Keys: `mtranslate.schema`, `mtranslate.spec` (JSON of `Spec`), `mtranslate.card` (plain text), `mtranslate.sha256`,
`model_author`, `model_license`.

The hash rule: `mtranslate.sha256` is the lower-case hexadecimal SHA-256 of the file's bytes with the 64 digits of that
very value replaced by 64 zeros ("0"). Any host can check it without a protobuf library. It proves that the file is
whole, not who made it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from modality_translate.errors import ModelError
from modality_translate.pipeline.spec import SCHEMA_VERSION, Spec
from modality_translate.runtime import scan
from modality_translate.runtime.draft import Draft, Entry

LARGEST_TEXT = 64 * 1024
"""Bytes of the card, the author and the licence, each."""
_SHA256 = "mtranslate.sha256"
_TEXTS = ("mtranslate.card", "model_author", "model_license")


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
    for key in _TEXTS:
        if len(draft.value(key).encode()) > LARGEST_TEXT:
            raise ModelError(draft.path, f"has a text of more than 64 kB ({key}).", "Export the run again.")


def _check_schema(draft: Draft) -> None:
    schema = draft.value("mtranslate.schema")
    if not re.fullmatch(r"[0-9]{1,6}", schema):
        raise ModelError(draft.path, f"has no readable schema number ({schema[:20]!r}).", "Export the run again.")
    if int(schema) > SCHEMA_VERSION:
        raise ModelError(draft.path, f"has schema {schema}; this version reads up to {SCHEMA_VERSION}.",
                         "Update with: pip install --upgrade modality-translate")  # fmt: skip


def _check_hash(draft: Draft) -> None:
    claimed, start = draft.entries.get(_SHA256, Entry("", 0))
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
