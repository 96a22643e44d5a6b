from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper

from modality_translate.exporting.fp16 import in_fp16
from modality_translate.exporting.parity import run_network
from modality_translate.networks import ScaledGenerator
from modality_translate.pipeline.self_test import self_test_patch
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime.graph import read_graph
from modality_translate.runtime.protobuf import Wire
from modality_translate.runtime.scan import check_operators, check_sizes, check_weights


def weights(graph: onnx.ModelProto, ending: str) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in graph.graph.initializer if t.name.endswith(ending)}


def test_weights_are_half_and_ports_and_scaling_are_float(whole: onnx.ModelProto):
    half = in_fp16(whole)
    onnx.checker.check_model(half, full_check=True)
    found = read_graph(Wire(half.SerializeToString()))
    check_operators(found)
    check_weights(found)
    check_sizes(found)
    convolutions = [node for node in half.graph.node if node.op_type == "Conv"]
    kinds = {t.name: t.data_type for t in half.graph.initializer}
    assert {kinds[node.input[1]] for node in convolutions} == {TensorProto.FLOAT16}
    ports = [*half.graph.input, *half.graph.output]
    assert [port.type.tensor_type.elem_type for port in ports] == [TensorProto.FLOAT] * 2
    assert half.ByteSize() < 0.75 * whole.ByteSize()


def test_it_computes_nearly_the_same_and_not_in_steps_of_hu(
    whole: onnx.ModelProto, network: ScaledGenerator, spec_of_run: Spec
):
    half = in_fp16(whole).SerializeToString()
    session = onnxruntime.InferenceSession(half, providers=["CPUExecutionProvider"])
    patch = self_test_patch(spec_of_run)
    (found,) = session.run(None, {"source": patch})
    difference = np.abs(found - run_network(network, patch))
    assert 0 < difference.mean() < 2
    # fp16 between 1024 and 2048 has steps of 1, and its range here is [-1, 1] in steps of 1/2048 at most: 1 HU.
    assert np.any(found != np.rint(found))
