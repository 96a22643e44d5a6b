"""What a model file may hold: looked at by bytes, before the engine parses or allocates anything.

A translator is plain arithmetic with its weights inside. Refused are weights in other files (they could name any path),
operators of other domains or outside the list below, control flow (it need not end), functions (they hide both), and
sizes that are computed: a graph whose shapes follow from its weights and the batch alone costs every volume what it
costs one trial.
"""

from __future__ import annotations

from modality_translate.pipeline.spec import Tiling
from modality_translate.runtime.graph import Graph, Node, Port, Tensor

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


_SIZED_NAMES = (
    "Expand Pad ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Reshape Resize Slice Split Squeeze Tile Unsqueeze"
)
SIZED = frozenset(_SIZED_NAMES.split())
"""Operators whose second and later inputs decide how much they give: those must stand in the file."""
_FLOAT32 = 1


class RefusedError(ValueError):
    """The model holds something that a translator never needs."""


def check_operators(graph: Graph) -> None:
    """Raise `RefusedError` for anything but one graph of plain operators."""
    if graph.extras:
        raise RefusedError("holds functions or training steps")
    if graph.graphs != 1 or not graph.opsets:
        raise RefusedError(f"holds {graph.graphs} graphs and {len(graph.opsets)} operator sets, one of each is needed")
    for domain, version in graph.opsets:
        _check_domain(domain)
        if version not in OPSETS:
            raise RefusedError(f"uses opset {version}, known are {OPSETS.start} to {OPSETS.stop - 1}")
    if len(graph.nodes) > LARGEST_GRAPH:
        raise RefusedError(f"has {len(graph.nodes)} nodes, at most {LARGEST_GRAPH} are taken")
    for node in graph.nodes:
        _check_operator(node)


def _check_domain(domain: str) -> None:
    if domain not in ("", "ai.onnx"):
        raise RefusedError(f"uses operators of the foreign domain {domain[:40]!r}")


def _check_operator(node: Node) -> None:
    if len(node.operators) != 1:
        raise RefusedError(f"has a node with {len(node.operators)} operators")
    if node.operators[0] not in OPERATORS:
        raise RefusedError(f"uses the operator {node.operators[0][:40]!r}, which no translator needs")
    for domain in node.domains:
        _check_domain(domain)
    if node.nested:
        raise RefusedError("holds a graph within a node (control flow) or sparse values")


def check_weights(graph: Graph) -> None:
    """Raise `RefusedError` unless every number stands in the file itself."""
    if graph.sparse:
        raise RefusedError("holds sparse weights")
    for tensor in graph.weights + [tensor for node in graph.nodes for tensor in node.tensors]:
        _check_tensor(tensor)


def _check_tensor(tensor: Tensor) -> None:
    if tensor.external:
        raise RefusedError("keeps weights in another file (external data)")
    # Two numbers in a byte is the densest that ONNX knows.
    if tensor.elements > 2 * tensor.size:
        raise RefusedError(f"announces {tensor.elements:.3g} weights in {tensor.size} bytes")


def check_sizes(graph: Graph) -> None:
    """Raise `RefusedError` for values that are missing, made twice or used before, and for sizes that are computed."""
    constants = {"", *(tensor.name for tensor in graph.weights)}
    known = {port.name for port in graph.inputs} | constants
    if len(known) != 1 + len(graph.inputs) + len(graph.weights):
        raise RefusedError("names two of its values alike")
    for node in graph.nodes:
        if missing := [name for name in node.inputs if name not in known]:
            raise RefusedError(f"uses the value {missing[0][:40]!r} before it is made")
        if not SIZED.isdisjoint(node.operators) and not constants.issuperset(node.inputs[1:]):
            raise RefusedError(f"computes the size of a value (inputs of {node.operators[0]} outside the file)")
        if twice := [name for name in node.outputs if name in known - {""}]:
            raise RefusedError(f"makes the value {twice[0][:40]!r} twice")
        known.update(node.outputs)
        if node.operators == ["Constant"]:
            constants.update(node.outputs)


def check_ports(graph: Graph, tiling: Tiling) -> None:
    """Raise `RefusedError` unless the graph takes and gives what its spec says, for any number of patches."""
    wanted = [("source", (None, 1, *tiling.patch)), ("synthetic", (None, 1, *tiling.core))]
    ports = [*graph.inputs, *graph.outputs]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1 or any(port.types != (_FLOAT32,) for port in ports):
        raise RefusedError("does not take one float32 volume and give one")
    found = [(port.name, port.shape) for port in ports]
    if found != wanted:
        told = "; ".join(f"{port.name[:40]!r} {_sizes(port)}" for port in ports)
        expected = "; ".join(f"{name!r} {_sizes(Port(name, (), shape))}" for name, shape in wanted)
        raise RefusedError(f"has the ports {told}, its spec says {expected}")


def _sizes(port: Port) -> str:
    return f"({', '.join('N' if size is None else str(size) for size in port.shape[:8])})"
