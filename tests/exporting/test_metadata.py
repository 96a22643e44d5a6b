from __future__ import annotations

import hashlib

import onnx
import pytest

from modality_translate.errors import ModelError
from modality_translate.exporting.metadata import sealed
from modality_translate.pipeline.spec import Spec


def entries(data: bytes) -> dict[str, str]:
    return {p.key: p.value for p in onnx.load_from_string(data).metadata_props}


def test_the_file_says_what_it_is(graph: onnx.ModelProto, spec: Spec):
    found = entries(sealed(graph, spec, "card", "someone", "MIT"))
    assert found["mtranslate.schema"] == "1"
    assert Spec.model_validate_json(found["mtranslate.spec"]) == spec
    assert (found["mtranslate.card"], found["model_author"], found["model_license"]) == ("card", "someone", "MIT")


def test_the_seal_is_the_hash_over_the_file_with_zeros(graph: onnx.ModelProto, spec: Spec):
    data = sealed(graph, spec, "a card with " + "0" * 64, "someone", "MIT")
    digits = entries(data)["mtranslate.sha256"].encode()
    assert hashlib.sha256(data.replace(digits, b"0" * 64)).hexdigest().encode() == digits


def test_a_spec_above_the_limit_is_refused(graph: onnx.ModelProto, spec: Spec):
    large = spec.model_copy(update={"accuracy": {f"figure {i}": 1.0 for i in range(2000)}})
    with pytest.raises(ModelError, match="more than 16 kB"):
        sealed(graph, large, "card", "someone", "MIT")


def test_a_card_above_the_limit_is_refused(graph: onnx.ModelProto, spec: Spec):
    with pytest.raises(ModelError, match="card, author or licence of more than 64 kB"):
        sealed(graph, spec, "é" * 40_000, "someone", "MIT")
