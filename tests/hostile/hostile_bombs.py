"""Graphs of plain operators that ask for more than a machine has; their trial must end them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import onnx
from onnx import TensorProto, helper

Bomb = Callable[[onnx.ModelProto], None]


def constant(model: onnx.ModelProto, name: str, values: Sequence[int] | Sequence[float]) -> str:
    """A weight of one dimension: whole numbers as int64."""
    kind = TensorProto.INT64 if all(isinstance(value, int) for value in values) else TensorProto.FLOAT
    model.graph.initializer.append(helper.make_tensor(name, kind, [len(values)], values))
    return name


def before(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], last: str) -> None:
    """Put `nodes` in front of the graph; the largest value of `last` is mixed into what it gives."""
    top = helper.make_node("ReduceMax", [last], ["top"], keepdims=0)
    mixed = helper.make_node("Max", ["source", "top"], ["mixed"])
    model.graph.node[0].input[0] = "mixed"
    for place, node in enumerate([*nodes, top, mixed]):
        model.graph.node.insert(place, node)


def node(operator: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [output], **attributes)


def resize(model: onnx.ModelProto) -> None:
    sizes = constant(model, "sizes", [1, 1, 4000, 4000, 4000])
    before(model, [node("Resize", ["source", "", "", sizes], "x", mode="nearest")], "x")


def tile(model: onnx.ModelProto) -> None:
    before(model, [node("Tile", ["source", constant(model, "n", [1, 1, 500, 500, 500])], "x")], "x")


def expand_when_loaded(model: onnx.ModelProto) -> None:
    """Constants are folded when a session is made: nothing was run yet."""
    before(model, [node("Expand", ["gain", constant(model, "n", [10**5, 10**5, 10])], "x")], "x")


def pad(model: onnx.ModelProto) -> None:
    pads = constant(model, "pads", [0, 0, 3000, 3000, 3000, 0, 0, 3000, 3000, 3000])
    before(model, [node("Pad", ["source", pads], "x")], "x")


def transposed_convolution(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(helper.make_tensor("kernel", TensorProto.FLOAT, [1, 1, 1, 1, 1], [1.0]))
    before(model, [node("ConvTranspose", ["source", "kernel"], "x", strides=[900, 900, 900])], "x")


def padded_convolution(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(helper.make_tensor("kernel", TensorProto.FLOAT, [1, 1, 1, 1, 1], [1.0]))
    before(model, [node("Conv", ["source", "kernel"], "x", pads=[4000] * 6)], "x")


def forty_doublings(model: onnx.ModelProto) -> None:
    names = ["source", *(f"d{i}" for i in range(40))]
    steps = [node("Concat", [a, a], b, axis=4) for a, b in pairwise(names)]
    before(model, steps, names[-1])


def outer_products(model: onnx.ModelProto) -> None:
    column, row = constant(model, "column", [-1, 1]), constant(model, "row", [1, -1])
    steps, last = [], "source"
    for i in range(3):
        steps += [
            node("Reshape", [last, column], f"c{i}"),
            node("Reshape", [last, row], f"r{i}"),
            node("Mul", [f"c{i}", f"r{i}"], f"m{i}"),
        ]
        last = f"m{i}"
    before(model, steps, last)


def growing_with_the_batch(model: onnx.ModelProto) -> None:
    """One number for one patch, 4 to the power of 32 for four."""
    column, row = constant(model, "column", [-1, 1]), constant(model, "row", [1, -1])
    axes = constant(model, "axes", [1, 2, 3, 4])
    # Zeros, so that the self-test of one patch is passed.
    steps = [node("ReduceMax", ["source", axes], "each", keepdims=0), node("Sub", ["each", "each"], "zeros")]
    last = "zeros"
    for i in range(5):
        steps += [
            node("Reshape", [last, column], f"c{i}"),
            node("Reshape", [last, row], f"r{i}"),
            node("Mul", [f"c{i}", f"r{i}"], f"m{i}"),
        ]
        last = f"m{i}"
    before(model, steps, last)


def einsum(model: onnx.ModelProto) -> None:
    before(model, [node("Einsum", ["source", "source", "source"], "x", equation="abcde,fghij,klmno->cdehijmno")], "x")


def years_of_products_when_loaded(model: onnx.ModelProto) -> None:
    square = node("Expand", ["gain", constant(model, "n", [2500, 2500])], "p0")
    steps = [node("MatMul", [f"p{i}", "p0"], f"p{i + 1}") for i in range(1500)]
    before(model, [square, *steps], "p1500")


def years_of_sines(model: onnx.ModelProto) -> None:
    sizes = constant(model, "sizes", [1, 1, 300, 300, 300])
    steps = [node("Sin", [f"s{i}"], f"s{i + 1}") for i in range(9000)]
    before(model, [node("Resize", ["source", "", "", sizes], "s0", mode="nearest"), *steps], "s9000")


BOMBS: dict[str, Bomb] = {
    "resize": resize,
    "tile": tile,
    "expand_when_loaded": expand_when_loaded,
    "pad": pad,
    "transposed_convolution": transposed_convolution,
    "padded_convolution": padded_convolution,
    "forty_doublings": forty_doublings,
    "outer_products": outer_products,
    "growing_with_the_batch": growing_with_the_batch,
    "einsum": einsum,
    "years_of_products_when_loaded": years_of_products_when_loaded,
    "years_of_sines": years_of_sines,
}
