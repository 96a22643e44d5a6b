from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from modality_translate.runtime import validate as validation
from modality_translate.runtime.model_file import CHECKS
from modality_translate.runtime.validate import SELF_TEST, validate

Seal = Callable[..., Path]


def failed(path: Path) -> dict[str, str]:
    return {v.check: v.reason for v in validate(path) if v.result == "failed"}


def not_reached(path: Path) -> set[str]:
    return {v.check for v in validate(path) if v.result == "not reached"}


def test_a_sound_model_passes_every_check(model: Path):
    verdicts = validate(model)
    assert [v.check for v in verdicts] == [*CHECKS, SELF_TEST]
    assert {v.result for v in verdicts} == {"passed"}


def test_a_shipped_model_is_found_by_name_and_valid():
    assert {v.result for v in validate(Path("limb-mr-to-ct"))} == {"passed"}


def test_each_fault_is_told_by_its_own_check(seal: Seal, graph: onnx.ModelProto):
    graph.graph.node[0].domain = "com.example"
    graph.graph.initializer[0].external_data.add(key="location", value="weights.bin")
    graph.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 9
    path = seal(graph)
    found = failed(path)
    assert set(found) == {"allowed operators only", "weights inside the file", "ports as in the spec"}
    assert "com.example" in found["allowed operators only"]
    assert not_reached(path) == {SELF_TEST}


def test_a_changed_byte_fails_the_hash_alone(model: Path):
    data = bytearray(model.read_bytes())
    data[data.index(b"A card.")] ^= 1
    model.write_bytes(data)
    assert set(failed(model)) == {"hash"}


def test_a_file_that_is_no_model_reaches_no_check_but_the_first_two(tmp_path: Path):
    (tmp_path / "noise.onnx").write_bytes(b"\xff" * 100)
    assert len(failed(tmp_path / "noise.onnx")) == 1
    assert len(not_reached(tmp_path / "noise.onnx")) == len(CHECKS) - 1


def test_a_wrong_answer_fails_the_self_test_alone(seal: Seal, graph: onnx.ModelProto):
    graph.graph.initializer[0].float_data[0] = 2.1
    assert set(failed(seal(graph))) == {SELF_TEST}


def test_no_engine_sees_a_file_that_failed(model: Path, monkeypatch: pytest.MonkeyPatch):
    model.write_bytes(model.read_bytes()[:-1])
    monkeypatch.setattr(validation, "try_model", lambda _: pytest.fail("was tried"))
    assert not_reached(model) >= {SELF_TEST}
