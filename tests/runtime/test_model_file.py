from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from modality_translate.errors import ModelError
from modality_translate.exporting import metadata
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime.model_file import read_model

Seal = Callable[..., Path]


def resealed(path: Path, **changes: str | None) -> Path:
    """The file with metadata replaced (none removes a key) and a right hash."""
    model = onnx.load(path)
    entries = {p.key: p.value for p in model.metadata_props}
    entries.update({f"mtranslate.{key}": value for key, value in changes.items() if value is not None})
    for key in (key for key, value in changes.items() if value is None):
        del entries[f"mtranslate.{key}"]
    seal = entries.pop("mtranslate.sha256", None)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {**entries, **({"mtranslate.sha256": "0" * 64} if seal else {})})
    data = model.SerializeToString(deterministic=True)
    path.write_bytes(metadata._seal(data) if seal else data)
    return path


def test_what_was_written_is_read(model: Path, spec: Spec):
    found = read_model(model)
    assert found.spec == spec
    assert (found.name, found.card, found.author, found.licence) == ("model.onnx", "A card.", "tests", "Apache-2.0")


def test_the_hash_follows_the_written_rule(model: Path):
    data = model.read_bytes()
    digits = read_model(model).sha256.encode()
    assert data.count(digits) == 1
    assert hashlib.sha256(data.replace(digits, b"0" * 64)).hexdigest().encode() == digits


def test_every_flipped_bit_is_refused(model: Path):
    data = model.read_bytes()
    for place in np.random.default_rng(0).integers(0, 8 * len(data), 300):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << (place % 8)
        model.write_bytes(changed)
        with pytest.raises(ModelError, match=re.escape(str(model))):
            read_model(model)


def test_every_truncation_is_refused(model: Path):
    data = model.read_bytes()
    for length in range(0, len(data), 7):
        model.write_bytes(data[:length])
        with pytest.raises(ModelError, match=r"Copy or export it again|not exported by mtranslate"):
            read_model(model)


def test_random_bytes_are_refused(tmp_path: Path):
    path = tmp_path / "noise.onnx"
    for seed in range(50):
        path.write_bytes(np.random.default_rng(seed).bytes(500))
        with pytest.raises(ModelError, match=r"not a readable ONNX file|not exported by mtranslate"):
            read_model(path)


def test_an_onnx_file_of_others_is_refused(graph: onnx.ModelProto, tmp_path: Path):
    path = tmp_path / "foreign.onnx"
    onnx.save(graph, path)
    with pytest.raises(ModelError, match="was not exported by mtranslate"):
        read_model(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path):
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(ModelError, match="no such model file"):
            read_model(path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema": "2"}, "has schema 2; this version reads up to 1"),
        ({"schema": "one"}, "no readable schema"),
        ({"schema": None}, "no readable schema"),
        ({"spec": None}, "was not exported by mtranslate"),
        ({"sha256": None}, "was not exported by mtranslate"),
        ({"spec": "{}"}, "a spec that cannot be used"),
        ({"spec": "[" * 5000}, "a spec that cannot be used"),
        ({"spec": "not JSON"}, "a spec that cannot be used"),
        ({"spec": "x" * 16385}, "more than 16 kB"),
    ],
)
def test_metadata_that_cannot_be_believed_are_refused(model: Path, changes: dict[str, str | None], reason: str):
    with pytest.raises(ModelError, match=reason):
        read_model(resealed(model, **changes))


def test_a_key_that_stands_twice_is_refused(model: Path):
    entry = onnx.StringStringEntryProto(key="mtranslate.spec", value="{}").SerializeToString()
    model.write_bytes(model.read_bytes() + b"\x72" + bytes([len(entry)]) + entry)
    with pytest.raises(ModelError, match=r"has the key 'mtranslate\.spec' twice"):
        read_model(model)


def test_a_sealed_model_with_external_data_is_refused(seal: Seal, graph: onnx.ModelProto):
    graph.graph.initializer[0].external_data.add(key="location", value="weights.bin")
    with pytest.raises(ModelError, match="external data"):
        read_model(seal(graph))


def test_a_sealed_model_with_a_foreign_operator_is_refused(seal: Seal, graph: onnx.ModelProto):
    graph.graph.node[0].domain = "com.example"
    with pytest.raises(ModelError, match="foreign domain"):
        read_model(seal(graph))


def test_a_model_above_two_gigabytes_is_not_read(tmp_path: Path):
    path = tmp_path / "large.onnx"
    with path.open("wb") as stream:
        stream.truncate(2 * 2**30 + 1)
    with pytest.raises(ModelError, match="larger than 2 GB"):
        read_model(path)
