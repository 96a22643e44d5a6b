"""What the file says of itself, and its seal.

The seal: `mtranslate.sha256` is the lower-case hexadecimal SHA-256 of the file's bytes with the 64 digits of that very
value replaced by 64 zeros ("0"). It is the last entry of `metadata_props`, which close the file.
"""

from __future__ import annotations

import hashlib

import onnx

from modality_translate.errors import ModelError
from modality_translate.pipeline.spec import SCHEMA_VERSION, Spec

LARGEST_SPEC = 16 * 1024
LARGEST_TEXT = 64 * 1024
LARGEST_FILE = 2 * 2**30
_UNSEALED = "0" * 64


def sealed(graph: onnx.ModelProto, spec: Spec, card: str, author: str, licence: str) -> bytes:
    """The whole file: `graph` with its metadata, and the hash over it. Raises `ModelError` where it gets too large."""
    text = spec.canonical_json()
    if len(text.encode()) > LARGEST_SPEC:
        raise ModelError(spec.name, "has a spec of more than 16 kB.", "Shorten its name or its figures.")
    if max(len(words.encode()) for words in (card, author, licence)) > LARGEST_TEXT:
        raise ModelError(spec.name, "has a card, author or licence of more than 64 kB.", "Shorten --data or --limits.")
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    entries = {
        "mtranslate.schema": str(SCHEMA_VERSION),
        "mtranslate.spec": text,
        "mtranslate.card": card,
        "model_author": author,
        "model_license": licence,
        "mtranslate.sha256": _UNSEALED,
    }
    onnx.helper.set_model_props(model, entries)
    if model.ByteSize() >= LARGEST_FILE:
        raise ModelError(spec.name, "would be larger than 2 GB.", "Train a smaller generator.")
    return _seal(model.SerializeToString(deterministic=True))


def _seal(data: bytes) -> bytes:
    digest = hashlib.sha256(data).hexdigest().encode()
    before, found, after = data.rpartition(_UNSEALED.encode())
    assert found, "the last entry holds the zeros"
    return before + digest + after
