from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from modality_translate.errors import MissingExtraError, ModelError
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime import translator
from modality_translate.runtime.known import is_known, remember
from modality_translate.runtime.model_file import read_model
from modality_translate.runtime.shipped import shipped_models
from modality_translate.runtime.translator import Translator
from modality_translate.runtime.trial import Limits, try_model

Seal = Callable[..., Path]


def test_a_sound_model_passes(model: Path):
    try_model(read_model(model))


def test_a_model_that_answers_otherwise_is_refused_with_the_numbers(seal: Seal, graph: onnx.ModelProto):
    graph.graph.initializer[0].float_data[0] = 2.1
    with pytest.raises(ModelError, match=r"model\.onnx: fails its self-test: mean .* The file is damaged"):
        try_model(read_model(seal(graph)))


def test_a_model_that_takes_too_much_memory_is_stopped(seal: Seal, graph: onnx.ModelProto):
    sizes = helper.make_tensor("sizes", TensorProto.INT64, [5], [1, 1, 400, 400, 40_000])
    graph.graph.initializer.extend([sizes, helper.make_tensor("empty", TensorProto.FLOAT, [0], [])])
    graph.graph.node.insert(0, helper.make_node("Resize", ["source", "", "", "sizes"], ["huge"], mode="nearest"))
    graph.graph.node.insert(1, helper.make_node("ReduceMax", ["huge"], ["top"], keepdims=1))
    graph.graph.node.insert(2, helper.make_node("Min", ["source", "top"], ["kept"]))
    graph.graph.node[3].input[0] = "kept"
    with pytest.raises(ModelError, match="asks for more"):
        try_model(read_model(seal(graph)))


def test_a_model_that_takes_too_long_is_stopped(model: Path):
    with pytest.raises(ModelError, match=r"was not ready after 0\.01 s"):
        try_model(read_model(model), Limits(seconds=0.01))


def test_a_program_without_an_interpreter_says_so(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(ModelError, match=r"no Python interpreter.*trusted=True"):
        try_model(read_model(model))


def test_without_an_engine_the_pip_line_is_named(model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"onnxruntime: is not installed.*modality-translate\[cpu\]"):
        try_model(read_model(model))


def test_the_folder_one_stands_in_is_no_place_for_modules(model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "numpy.py").write_text("open('owned', 'w')")
    monkeypatch.chdir(tmp_path)
    try_model(read_model(model))
    assert not (tmp_path / "owned").exists()


def test_memory_follows_the_patch_and_the_file(model: Path, spec: Spec):
    loaded = read_model(model)
    limits = Limits(base_bytes=1000, bytes_per_voxel=10, copies=2)
    assert limits.memory(loaded) == 1000 + 10 * 4 * 8**3 + 2 * len(loaded.data)


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The models that were tried, with an empty cache."""
    seen: list[str] = []
    monkeypatch.setattr(translator, "try_model", lambda model: seen.append(model.sha256))
    monkeypatch.setattr("modality_translate.runtime.known.cache_folder", lambda: tmp_path / "cache")
    return seen


def test_a_model_is_tried_once(model: Path, tried: list[str]):
    first = Translator.load(model, device="cpu")
    Translator.load(model, device="cpu")
    assert tried == [first.sha256]


def test_a_changed_model_is_tried_again(seal: Seal, graph: onnx.ModelProto, tried: list[str]):
    for name in ("one", "two"):
        graph.graph.name = name
        Translator.load(seal(graph), device="cpu")
    assert len(set(tried)) == 2


def test_trusted_and_shipped_models_are_not_tried(model: Path, tried: list[str]):
    Translator.load(model, device="cpu", trusted=True)
    assert all(is_known(path, "") for path in shipped_models().values())
    assert tried == []


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr("modality_translate.runtime.known.cache_folder", lambda: tmp_path / "file")
    remember("0" * 64)
    assert not is_known(tmp_path / "model.onnx", "0" * 64)
