from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from modality_translate.errors import MissingExtraError, ModelError
from modality_translate.exporting import int8
from modality_translate.exporting.calibration import real_patches, sources_in
from modality_translate.exporting.int8 import in_int8
from modality_translate.exporting.parity import first_engine
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime.graph import read_graph
from modality_translate.runtime.protobuf import Wire
from modality_translate.runtime.scan import check_operators, check_sizes, check_weights


def operators(graph: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in graph.graph.node]


@pytest.fixture
def patches(scans_of_heads: Path, spec_of_run: Spec) -> np.ndarray:
    return real_patches(sources_in(scans_of_heads).calibration, spec_of_run)[::12]


def test_it_keeps_its_error_within_the_limit(whole: onnx.ModelProto, patches: np.ndarray, capfd: pytest.CaptureFixture):
    before = whole.SerializeToString()
    reduced = in_int8(whole, patches, limit=2.0)
    assert whole.SerializeToString() == before
    assert capfd.readouterr() == ("", "")
    found = read_graph(Wire(reduced.SerializeToString()))
    check_operators(found)
    check_weights(found)
    check_sizes(found)
    eight_bits = [t for t in reduced.graph.initializer if t.data_type == onnx.TensorProto.INT8 and len(t.dims) == 4]
    assert eight_bits
    assert "QuantizeLinear" in operators(reduced)
    one, other = (first_engine(g.SerializeToString()) for g in (whole, reduced))
    error = np.abs(one(patches) - other(patches)).mean()
    assert 0 < error <= 2.0


def test_a_tighter_limit_leaves_more_in_float(whole: onnx.ModelProto, patches: np.ndarray):
    loose, tight = (operators(in_int8(whole, patches, limit)).count("QuantizeLinear") for limit in (1e4, 1.0))
    assert loose > tight > 0


def test_a_limit_that_nothing_meets_is_refused(whole: onnx.ModelProto, patches: np.ndarray):
    with pytest.raises(ModelError, match=r"no convolution bears 8 bits within 1e-06\. Use --precision fp16"):
        in_int8(whole, patches, limit=1e-6)


def test_without_onnxruntime_the_pip_line_is_named(
    whole: onnx.ModelProto, patches: np.ndarray, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(int8.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"int8: is made by onnxruntime\. pip install"):
        in_int8(whole, patches, limit=2.0)
