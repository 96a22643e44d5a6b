from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

from modality_translate.errors import DeviceError, DeviceMemoryError, MissingExtraError, ModelError
from modality_translate.pipeline.spec import Spec, Tiling
from modality_translate.runtime import openvino_engine
from modality_translate.runtime.model_file import ModelFile, read_model
from modality_translate.runtime.openvino_engine import open_openvino

PATCHES = np.linspace(0, 1000, 3 * 8**3, dtype=np.float32).reshape(3, 1, 8, 8, 8)


@pytest.fixture
def loaded(model: Path) -> ModelFile:
    return read_model(model)


def test_it_computes_the_graph_in_float32(loaded: ModelFile):
    opened = open_openvino(loaded, "cpu", threads=1)
    assert (opened.name.split()[0], opened.device) == ("openvino", "cpu")
    # bfloat16, the default on some processors, would be off by up to 4.
    np.testing.assert_allclose(opened.predict(PATCHES), PATCHES * 2 - 1000, atol=1e-3)


def test_threads_may_share_it_and_answers_are_their_own(loaded: ModelFile):
    predict = open_openvino(loaded, "cpu", threads=1).predict
    sources = [np.full((2, 1, 8, 8, 8), 500 + k, np.float32) for k in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(predict, sources))
    assert [float(answer.mean()) for answer in answers] == [2.0 * (500 + k) - 1000 for k in range(40)]


def test_its_settings_are_explicit(loaded: ModelFile, monkeypatch: pytest.MonkeyPatch):
    asked: list[dict[str, Any]] = []
    real = openvino_engine._openvino()

    class Core(real.Core):  # type: ignore[misc, name-defined]
        def compile_model(self, model: Any, device: str, config: dict[str, Any]) -> Any:
            asked.append({"device": device, **config})
            return super().compile_model(model, device, config)

    fake = SimpleNamespace(Core=Core, Type=real.Type, __version__="2099.1.0-7-abc")
    monkeypatch.setattr(openvino_engine, "_openvino", lambda: fake)
    assert open_openvino(loaded, "cpu", threads=2).name == "openvino 2099.1.0"
    assert asked[0]["device"] == "CPU"
    assert asked[0]["INFERENCE_PRECISION_HINT"] == "f32"
    assert asked[0]["INFERENCE_NUM_THREADS"] == 2
    assert asked[0]["ENABLE_CPU_PINNING"] is False
    assert asked[0]["NUM_STREAMS"] == 2
    assert open_openvino(loaded, "cpu", threads=1).streams == 1
    assert asked[1]["NUM_STREAMS"] == 1


def test_it_has_no_other_device(loaded: ModelFile):
    with pytest.raises(DeviceError, match=r"cuda:0: is not a device of openvino\. Use --engine onnxruntime"):
        open_openvino(loaded, "cuda:0")


def test_without_it_the_pip_line_is_named(loaded: ModelFile, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'modality-translate\[openvino\]'"):
        open_openvino(loaded, "cpu")


def test_a_graph_that_does_not_fit_its_spec_is_refused(seal: Callable[..., Path], graph: onnx.ModelProto, spec: Spec):
    other = spec.model_copy(update={"tiling": Tiling(patch=(8, 8, 16))})
    with pytest.raises(ModelError, match="its graph has the ports"):
        open_openvino(replace(read_model(seal(graph)), spec=other), "cpu", threads=1)


def test_a_graph_that_does_not_load_is_refused(seal: Callable[..., Path], graph: onnx.ModelProto, capfd: Any):
    graph.graph.node[0].op_type = "Einsum"
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_openvino(read_model(seal(graph)), "cpu", threads=1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (
            RuntimeError("Exception from src/x.cpp:224:\nCheck 'a' failed\n"),
            ModelError,
            r"cannot be run \(Check 'a' failed",
        ),
        (RuntimeError("std::bad_alloc"), DeviceMemoryError, r"does not fit into memory \(std::bad_alloc\)"),
        (MemoryError(), DeviceMemoryError, r"does not fit into memory \(MemoryError\)"),
    ],
)
def test_a_failed_run_says_whose_fault_it_is(error: Exception, kind: type[Exception], told: str):
    def infer(_: Any) -> None:
        raise error

    compiled = SimpleNamespace(create_infer_request=lambda: SimpleNamespace(infer=infer))
    with pytest.raises(kind, match=told):
        openvino_engine._predict(compiled, "tiny")(PATCHES)
