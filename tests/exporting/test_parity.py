from __future__ import annotations

import numpy as np
import onnx
import pytest
from torch import Tensor, nn

from modality_translate.errors import MissingExtraError, ModelError
from modality_translate.exporting import parity
from modality_translate.exporting.parity import Parity, allowed, prove_parity
from modality_translate.pipeline.spec import Channel, Spec


class Clipped(nn.Module):
    """What the tiny graph of the tests computes, with an error of choice."""

    def __init__(self, error: float = 0.0) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        return (x * 2.0 - 1000.0).clamp(-1024.0, 3071.0) + self.error


def test_equal_answers_pass_with_their_figures(graph: onnx.ModelProto, spec: Spec):
    results = prove_parity(Clipped(), graph.SerializeToString(), spec)
    assert results[0].engine.startswith("onnxruntime ")
    assert results[0].largest < 0.01
    assert "HU" in str(results[0])


@pytest.mark.parametrize("error", [2.0, 0.1, float("nan")])
def test_answers_that_differ_are_refused(graph: onnx.ModelProto, spec: Spec, error: float):
    with pytest.raises(ModelError, match=r"tiny: the graph differs from the network .*allowed are 1 and 0\.05"):
        prove_parity(Clipped(error), graph.SerializeToString(), spec)


def test_a_graph_that_answers_with_nan_is_refused(graph: onnx.ModelProto, spec: Spec):
    graph.graph.initializer[0].float_data[0] = float("nan")
    with pytest.raises(ModelError, match="values that are not finite"):
        prove_parity(Clipped(), graph.SerializeToString(), spec)


def test_limits_follow_the_output_range(spec: Spec):
    assert allowed(spec) == pytest.approx((1.0, 0.05))
    pet = spec.model_copy(update={"target": Channel.of("PET")})
    assert allowed(pet) == pytest.approx((30 / 4095, 0.05 * 30 / 4095))


def test_patches_reach_beyond_the_source_range(spec: Spec):
    patches = list(parity._patches(spec))
    assert [len(p) for p in patches] == [1, 1, 3]
    assert patches[2].min() < 0
    assert patches[2].max() > 1000
    assert all(p.dtype == np.float32 for p in patches)


def test_without_any_engine_nothing_is_proven(graph: onnx.ModelProto, spec: Spec, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parity.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'modality-translate\[cpu\]'"):
        prove_parity(Clipped(), graph.SerializeToString(), spec)


def test_a_result_reads_as_one_line():
    assert str(Parity("engine 1", 0.25, 0.001, "HU")) == "engine 1: largest difference 0.25 HU, mean 0.001"
