"""What a model file may hold: looked at by bytes, before the engine parses or allocates anything.

A translator is plain arithmetic with its weights inside. Refused are weights in other files (they could name any path),
operators of other domains or outside the list below, control flow (it need not end), and functions (they hide both).
Field numbers are those of onnx.proto3.
"""

from __future__ import annotations

from modality_translate.runtime.protobuf import Field, fields, text

OPSETS = range(13, 26)
LARGEST_GRAPH = 10_000
"""Nodes."""

_NAMES = (
    "Abs Add And ArgMax ArgMin Asinh AveragePool BatchNormalization Cast CastLike Ceil Celu Clip Concat Constant "
    "Conv ConvTranspose Cos CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp Expand Flatten "
    "Floor Gather Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid "
    "HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul Max "
    "MaxPool Mean Min Mish Mod Mul Neg Not Or PRelu Pad Pow QuantizeLinear Reciprocal ReduceMax ReduceMean ReduceMin "
    "ReduceProd ReduceSum Relu Reshape Resize Round Selu Shape Sigmoid Sign Sin Sinh Slice Softmax Softplus Softsign "
    "SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile Transpose Unsqueeze Where"
)
OPERATORS = frozenset(_NAMES.split())


class RefusedError(ValueError):
    """The model holds something that a translator never needs."""


def check_structure(data: memoryview) -> None:
    """Raise `RefusedError` for anything but plain operators and weights that are inside; `WireError` if malformed."""
    graphs = opsets = 0
    for field in fields(data, 0, len(data)):
        if field.number == 7:
            graphs += 1
            _check_graph(data, field)
        elif field.number == 8:
            opsets += 1
            _check_opset(data, field)
        elif field.number in (20, 25):
            raise RefusedError("holds functions or training steps")
    if graphs != 1 or opsets == 0:
        raise RefusedError(f"holds {graphs} graphs and {opsets} operator sets, one of each is needed")


def _check_opset(data: memoryview, opset: Field) -> None:
    version = 0
    for field in fields(data, opset.start, opset.stop):
        if field.number == 1:
            _check_domain(text(data, field))
        elif field.number == 2:
            version = field.value
    if version not in OPSETS:
        raise RefusedError(f"uses opset {version}, known are {OPSETS.start} to {OPSETS.stop - 1}")


def _check_domain(domain: str) -> None:
    if domain not in ("", "ai.onnx"):
        raise RefusedError(f"uses operators of the foreign domain {domain[:40]!r}")


def _check_graph(data: memoryview, graph: Field) -> None:
    nodes = 0
    for field in fields(data, graph.start, graph.stop):
        if field.number == 1:
            nodes += 1
            _check_node(data, field)
        elif field.number == 5:
            _check_tensor(data, field)
        elif field.number == 15:
            raise RefusedError("holds sparse weights")
    if nodes > LARGEST_GRAPH:
        raise RefusedError(f"has {nodes} nodes, at most {LARGEST_GRAPH} are taken")


def _check_node(data: memoryview, node: Field) -> None:
    for field in fields(data, node.start, node.stop):
        if field.number == 4 and (operator := text(data, field)) not in OPERATORS:
            raise RefusedError(f"uses the operator {operator[:40]!r}, which no translator needs")
        if field.number == 7:
            _check_domain(text(data, field))
        elif field.number == 5:
            _check_attribute(data, field)


def _check_attribute(data: memoryview, attribute: Field) -> None:
    for field in fields(data, attribute.start, attribute.stop):
        if field.number in (6, 11, 22, 23):
            raise RefusedError("holds a graph within a node (control flow) or sparse values")
        # `t` (5) holds one tensor and `tensors` (10) several.
        if field.number in (5, 10):
            _check_tensor(data, field)


def _check_tensor(data: memoryview, tensor: Field) -> None:
    for field in fields(data, tensor.start, tensor.stop):
        if field.number == 13 or (field.number == 14 and field.value != 0):
            raise RefusedError("keeps weights in another file (external data)")
