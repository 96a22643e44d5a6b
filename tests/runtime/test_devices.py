from __future__ import annotations

import sys

import onnx
import pytest
from onnx import TensorProto

from modality_translate.runtime import gpu_session
from modality_translate.runtime.devices import TINY_MODEL, probe_devices


def test_the_tiny_model_is_one_convolution():
    model = onnx.load_from_string(TINY_MODEL)
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Conv"]
    assert list(model.graph.initializer[0].dims) == [1, 1, 2, 2, 2]
    assert model.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT


def test_each_engine_is_tried_and_a_missing_gpu_says_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gpu_session, "driver_present", lambda: False)
    cpu, cuda, openvino, tensorrt = probe_devices()
    assert (cpu.engine, cpu.name, cpu.reason) == ("onnxruntime", "cpu", "")
    assert (tensorrt.engine, tensorrt.name) == ("tensorrt", "cuda:0")
    for gpu in (cuda, tensorrt):
        assert not gpu.works
        assert "driver" in gpu.reason or "not part of" in gpu.reason
    assert (openvino.engine, openvino.name, openvino.reason) == ("openvino", "cpu", "")


def test_an_engine_that_is_not_installed_comes_with_its_pip_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert probe_devices()[2].reason == "is not installed. pip install 'modality-translate[openvino]'"
