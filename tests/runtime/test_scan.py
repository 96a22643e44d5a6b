from __future__ import annotations

from collections.abc import Callable

import onnx
import pytest
from onnx import TensorProto, helper

from modality_translate.exporting.graph import OPSET
from modality_translate.runtime.protobuf import WireError
from modality_translate.runtime.scan import OPERATORS, OPSETS, RefusedError, check_structure


def check(model: onnx.ModelProto) -> None:
    check_structure(memoryview(model.SerializeToString()))


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


def test_a_plain_graph_passes(graph: onnx.ModelProto):
    check(graph)


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
        (sparse_weight, "sparse"),
        (function, "functions"),
        (old_opset, "opset 3"),
        (many_nodes, "at most 10000"),
    ],
)
def test_what_no_translator_needs_is_refused(
    graph: onnx.ModelProto, change: Callable[[onnx.ModelProto], None], reason: str
):
    change(graph)
    with pytest.raises(RefusedError, match=reason):
        check(graph)


def test_a_file_with_two_graphs_is_refused(graph: onnx.ModelProto):
    twice = graph.SerializeToString() + graph.SerializeToString()
    with pytest.raises(RefusedError, match="2 graphs"):
        check_structure(memoryview(twice))


def test_every_truncation_is_refused(graph: onnx.ModelProto):
    data = graph.SerializeToString()
    for length in range(len(data)):
        with pytest.raises((RefusedError, WireError), match=r"."):
            check_structure(memoryview(data[:length]))


def test_listed_operators_exist_and_hold_no_graphs():
    for name in OPERATORS:
        attributes = onnx.defs.get_schema(name, max_inclusive_version=OPSETS.stop - 1).attributes.values()
        assert not any(a.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for a in attributes)


def test_the_exporters_opset_is_read():
    assert OPSET in OPSETS
