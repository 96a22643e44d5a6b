"""A trained generator as an ONNX graph that says nothing about the machine it was made on.

The exporter leaves stack traces with absolute paths in every node; all such notes go, values get names by their place,
and the bytes are serialised in one order, so that the same weights always give the same graph.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

import onnx
import torch
from torch import nn

from modality_translate.errors import ModelError
from modality_translate.pipeline.spec import Tiling

OPSET = 18
"""The oldest that the exporter writes without conversion; onnxruntime, openvino and onnxruntime-web all read it."""
SOURCE, SYNTHETIC = "source", "synthetic"


def build_graph(network: nn.Module, tiling: Tiling) -> onnx.ModelProto:
    """`network` (in eval mode) as a graph source (N, 1, *patch) -> synthetic (N, 1, *core), float32, N free.

    Raises `ModelError` for a network that the exporter cannot write as plain operators.
    """
    # A batch of 2: with 1 the exporter takes the batch for a constant.
    example = torch.zeros(2, 1, *tiling.patch)
    try:
        with _silence():
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                external_data=False,
                opset_version=OPSET,
                input_names=[SOURCE],
                output_names=[SYNTHETIC],
                dynamic_shapes=({0: "batch"},),
                verbose=False,
            )
    except Exception as error:  # the exporter raises whatever its stages raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ModelError(
            "generator", f"cannot be written as a graph ({reason}).", "Choose another generator."
        ) from error
    assert program is not None
    graph: onnx.ModelProto = program.model_proto
    _rename(graph.graph, set(network.state_dict()))
    return tidied(graph)


def tidied(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` without notes on where it was made. Raises `ModelError` where it is more than plain operators."""
    _forget_origin(model)
    used = {node.domain for node in model.graph.node}
    for opset in [opset for opset in model.opset_import if opset.domain and opset.domain not in used]:
        model.opset_import.remove(opset)
    _check_plain(model)
    return model


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The exporter chats on stdout, in logs and in warnings; its errors are exceptions and pass."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _forget_origin(model: onnx.ModelProto) -> None:
    model.producer_name, model.producer_version = "mtranslate", ""
    model.doc_string = ""
    graph = model.graph
    graph.name, graph.doc_string = "translator", ""
    del graph.value_info[:]
    for noted in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del noted.metadata_props[:]
        noted.doc_string = ""


def _rename(graph: onnx.GraphProto, weights: set[str]) -> None:
    """Nodes and values by their place in the graph; weights keep the names they have in the network."""
    names = {SOURCE: SOURCE, SYNTHETIC: SYNTHETIC, "": ""}
    for i, tensor in enumerate(graph.initializer):
        names[tensor.name] = tensor.name if tensor.name in weights else f"constant_{i}"
        tensor.name = names[tensor.name]
    for i, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{i}"
        for j, output in enumerate(node.output):
            names.setdefault(output, f"value_{i}_{j}")
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]


def _check_plain(model: onnx.ModelProto) -> None:
    domains = {node.domain for node in model.graph.node} | {opset.domain for opset in model.opset_import}
    if domains - {""} or model.functions:
        raise ModelError("generator", f"needs operators of the domains {sorted(domains)}.", "Choose another generator.")
    if any(tensor.external_data or tensor.data_location for tensor in model.graph.initializer):
        raise ModelError("generator", "has weights too large for one file.", "A translator stays under 2 GB.")
    nested = [n for n in model.graph.node if any(a.HasField("g") or a.graphs for a in n.attribute)]
    if nested:
        raise ModelError("generator", f"needs control flow ({nested[0].op_type}).", "Choose another generator.")
