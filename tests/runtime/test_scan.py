from __future__ import annotations

from collections.abc import Callable

import onnx
import pytest
from onnx import TensorProto, helper

from modality_translate.exporting.graph import OPSET
from modality_translate.pipeline.spec import Spec, Tiling
from modality_translate.runtime.graph import Graph, Node, read_graph
from modality_translate.runtime.protobuf import Wire, WireError
from modality_translate.runtime.scan import (
    OPERATORS,
    OPSETS,
    SIZED,
    RefusedError,
    check_operators,
    check_ports,
    check_sizes,
    check_weights,
)


def check(model: onnx.ModelProto, tiling: Tiling) -> None:
    check_bytes(model.SerializeToString(), tiling)


def check_bytes(data: bytes, tiling: Tiling) -> None:
    graph = read_graph(Wire(data))
    check_operators(graph)
    check_weights(graph)
    check_sizes(graph)
    check_ports(graph, tiling)


def external_weight(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def external_paths_without_a_location(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].external_data.add(key="location", value="../weights")


def external_constant(model: onnx.ModelProto) -> None:
    tensor = helper.make_tensor("t", TensorProto.FLOAT, [], [1.0])
    tensor.data_location = TensorProto.EXTERNAL
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))


def foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.microsoft"


def foreign_opset(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].op_type = "StringNormalizer"


def loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Identity", ["source"], ["x"], body=body))


def sparse_weight(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add()


def function(model: onnx.ModelProto) -> None:
    model.functions.add(name="f")


def old_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 3


def many_nodes(model: onnx.ModelProto) -> None:
    model.graph.node.extend([helper.make_node("Relu", ["source"], [f"n{i}"]) for i in range(10_001)])


def a_type_in_a_node(model: onnx.ModelProto) -> None:
    attribute = helper.make_attribute("type", helper.make_tensor_type_proto(TensorProto.FLOAT, [1]))
    model.graph.node[0].attribute.append(attribute)


def announced_weights(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.dims[:] = [2**31, 2**31, 2**31]


def computed_tile(model: onnx.ModelProto) -> None:
    model.graph.node.extend([
        helper.make_node("Shape", ["source"], ["shape"]),
        helper.make_node("Tile", ["source", "shape"], ["tiled"]),
    ])  # fmt: skip


def resize_by_a_voxel(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Resize", ["source", "", "scaled"], ["resized"]))


def value_made_twice(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Relu", ["source"], ["scaled"]))


def cycle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "moved"


def weight_named_like_the_input(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].name = "source"


def second_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, [1]))


def no_output(model: onnx.ModelProto) -> None:
    del model.graph.output[:]


def double_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def sequence_input(model: onnx.ModelProto) -> None:
    inner = helper.make_tensor_type_proto(TensorProto.FLOAT, [1])
    model.graph.input[0].type.CopyFrom(helper.make_sequence_type_proto(inner))


def other_name(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "moved"


def other_patch(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 10**9


def bound_batch(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def test_a_plain_graph_passes(graph: onnx.ModelProto, spec: Spec):
    check(graph, spec.tiling)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (external_weight, "external data"),
        (external_paths_without_a_location, "external data"),
        (external_constant, "external data"),
        (foreign_operator, "foreign domain 'com.microsoft'"),
        (foreign_opset, "foreign domain 'com.example'"),
        (unknown_operator, "operator 'StringNormalizer'"),
        (loop, "control flow"),
        (a_type_in_a_node, "sparse values"),
        (sparse_weight, "sparse"),
        (function, "functions"),
        (old_opset, "opset 3"),
        (many_nodes, "at most 10000"),
        (announced_weights, "announces 9.9e"),
        (computed_tile, "size of a value .inputs of Tile"),
        (resize_by_a_voxel, "size of a value .inputs of Resize"),
        (value_made_twice, "makes the value 'scaled' twice"),
        (cycle, "uses the value 'moved' before it is made"),
        (weight_named_like_the_input, "two of its values alike"),
        (second_input, "does not take one float32 volume"),
        (no_output, "does not take one float32 volume"),
        (double_input, "does not take one float32 volume"),
        (sequence_input, "does not take one float32 volume"),
        (other_name, "has the ports 'source' .N, 1, 8, 8, 8.; 'moved'"),
        (other_patch, "1000000000"),
        (bound_batch, "'source' .1, 1, 8, 8, 8.;"),
    ],
)
def test_what_no_translator_needs_is_refused(
    graph: onnx.ModelProto, spec: Spec, change: Callable[[onnx.ModelProto], None], reason: str
):
    change(graph)
    with pytest.raises(RefusedError, match=reason):
        check(graph, spec.tiling)


def test_a_node_with_two_operators_is_refused():
    """The later of two equal fields wins in protobuf: a scanner that looked at the first alone would be deceived."""
    node = Node(operators=["Relu", "Exp"])
    with pytest.raises(RefusedError, match="a node with 2 operators"):
        check_operators(Graph(graphs=1, opsets=[("", OPSET)], nodes=[node]))


def test_a_file_with_two_graphs_is_refused(graph: onnx.ModelProto, spec: Spec):
    twice = graph.SerializeToString() + graph.SerializeToString()
    with pytest.raises(RefusedError, match="2 graphs"):
        check_bytes(twice, spec.tiling)


def test_every_truncation_is_refused(graph: onnx.ModelProto, spec: Spec):
    data = graph.SerializeToString()
    for length in range(len(data)):
        with pytest.raises((RefusedError, WireError), match=r"."):
            check_bytes(data[:length], spec.tiling)


def test_listed_operators_exist_and_hold_no_graphs():
    for name in OPERATORS:
        attributes = onnx.defs.get_schema(name, max_inclusive_version=OPSETS.stop - 1).attributes.values()
        assert not any(a.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for a in attributes)


def test_every_listed_operator_that_reads_its_output_size_is_known():
    """An integer input after the first that neither picks places nor an axis decides a size."""
    integers = ({"tensor(int64)"}, {"tensor(int32)", "tensor(int64)"})
    harmless = {"Gather", "CumSum"}
    for name in OPERATORS - harmless:
        inputs = onnx.defs.get_schema(name, max_inclusive_version=OPSETS.stop - 1).inputs[1:]
        assert any(port.types in integers for port in inputs) <= (name in SIZED), name


def test_the_exporters_opset_is_read():
    assert OPSET in OPSETS
