from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto

from modality_translate.runtime import engine
from modality_translate.runtime.devices import TINY_MODEL, probe_devices


def test_the_tiny_model_is_one_convolution():
    model = onnx.load_from_string(TINY_MODEL)
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Conv"]
    assert list(model.graph.initializer[0].dims) == [1, 1, 2, 2, 2]
    assert model.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT


def test_the_cpu_works_and_a_missing_gpu_says_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "_driver_present", lambda: False)
    cpu, cuda = probe_devices()
    assert (cpu.name, cpu.works) == ("cpu", True)
    assert not cuda.works
    assert "driver" in cuda.reason or "not part of" in cuda.reason
