"""A graph in half precision, but for the scaling between host units and [-1, 1]: fp16 would round HU to steps of 2.

onnxruntime's own converter puts every node that is to stay in float32 between two casts to fp16, which rounds just the
values it should spare.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from modality_translate.exporting.graph import tidied

CONVOLUTIONS = ("Conv", "ConvTranspose")
ALWAYS_FLOAT32 = {"Resize": (1, 2)}
"""Inputs whose type ONNX fixes: the region and the scales."""


def in_fp16(graph: onnx.ModelProto) -> onnx.ModelProto:
    """`graph` with fp16 weights and arithmetic from its first convolution to its last, and float32 ports."""
    model = copy.deepcopy(graph)
    nodes = list(model.graph.node)
    places = [i for i, node in enumerate(nodes) if node.op_type in CONVOLUTIONS]
    before, inside, after = nodes[: places[0]], nodes[places[0] : places[-1] + 1], nodes[places[-1] + 1 :]
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    made = {name for node in (*before, *after) for name in node.output} | {port.name for port in model.graph.input}
    into = _renamed(inside, lambda name: name in made, "half")
    for name in _renamed(inside, lambda name: _is_float(weights.get(name)), "half"):
        half = numpy_helper.to_array(weights[name]).astype(np.float16)
        model.graph.initializer.append(numpy_helper.from_array(half, f"{name}_half"))
    inner = {name for node in inside for name in node.output}
    out = _renamed(after, lambda name: name in inner, "float")
    casts = [_cast(name, "half", TensorProto.FLOAT16) for name in into]
    back = [_cast(name, "float", TensorProto.FLOAT) for name in out]
    del model.graph.node[:]
    model.graph.node.extend([*before, *casts, *inside, *back, *after])
    _drop_unused(model.graph)
    return tidied(model)


def _renamed(nodes: Iterable[NodeProto], chosen: Callable[[str], bool], ending: str) -> list[str]:
    """Let `nodes` read `name_ending` instead of each chosen name; which those were, once each."""
    found: dict[str, None] = {}
    for node in nodes:
        for place, name in enumerate(node.input):
            if chosen(name) and place not in ALWAYS_FLOAT32.get(node.op_type, ()):
                node.input[place] = f"{name}_{ending}"
                found[name] = None
    return list(found)


def _is_float(tensor: TensorProto | None) -> bool:
    return tensor is not None and tensor.data_type == TensorProto.FLOAT


def _cast(name: str, ending: str, kind: int) -> NodeProto:
    return helper.make_node("Cast", [name], [f"{name}_{ending}"], name=f"Cast_{name}_{ending}", to=kind)


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
