"""A model's graph as its bytes say it, without weights: what the checks of scan.py look at.

Field numbers are those of onnx.proto3. A field that may stand once but stands twice counts each time: protobuf lets
the last one win or merges the two, so a check must hold for all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from modality_translate.runtime.protobuf import Field, Wire


@dataclass(frozen=True)
class Tensor:
    """Numbers in the file: a weight, or the value of an attribute."""

    name: str
    elements: int
    size: int
    """Bytes of the whole entry."""
    external: bool
    """Whether it names another file."""


@dataclass
class Node:
    """One operator and the names of the values it takes and gives."""

    operators: list[str] = field(default_factory=list)
    domains: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    nested: bool = False
    """Whether an attribute holds a graph, sparse values or a type."""


@dataclass(frozen=True)
class Port:
    """An input or output of the graph: element types (1 is float32) and sizes, none where free."""

    name: str
    types: tuple[int, ...]
    shape: tuple[int | None, ...]


@dataclass
class Graph:
    """What the file holds besides metadata."""

    graphs: int = 0
    opsets: list[tuple[str, int]] = field(default_factory=list)
    """Domain and version."""
    nodes: list[Node] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    sparse: bool = False
    extras: bool = False
    """Whether there are functions or training steps."""


def read_graph(wire: Wire) -> Graph:
    """The graph in a model file. Raises `WireError` where the bytes are malformed."""
    graph = Graph()
    for part in wire.fields():
        if part.number == 7:
            graph.graphs += 1
            _read_parts(wire, part, graph)
        elif part.number == 8:
            graph.opsets.append(_opset(wire, part))
        elif part.number in (20, 25):
            graph.extras = True
    return graph


def _read_parts(wire: Wire, message: Field, graph: Graph) -> None:
    for part in wire.fields(message):
        if part.number == 1:
            graph.nodes.append(_node(wire, part))
        elif part.number == 5:
            graph.weights.append(_tensor(wire, part))
        elif part.number == 11:
            graph.inputs.append(_port(wire, part))
        elif part.number == 12:
            graph.outputs.append(_port(wire, part))
        elif part.number == 15:
            graph.sparse = True


def _opset(wire: Wire, message: Field) -> tuple[str, int]:
    domain, version = "", 0
    for part in wire.fields(message):
        if part.number == 1:
            domain = wire.text(part)
        elif part.number == 2:
            version = part.value
    return domain, version


def _node(wire: Wire, message: Field) -> Node:
    node = Node()
    texts = {1: node.inputs, 2: node.outputs, 4: node.operators, 7: node.domains}
    for part in wire.fields(message):
        if part.number in texts:
            texts[part.number].append(wire.text(part))
        elif part.number == 5:
            _read_attribute(wire, part, node)
    return node


def _read_attribute(wire: Wire, message: Field, node: Node) -> None:
    for part in wire.fields(message):
        # A graph (6, 11), sparse values (22, 23), types (14, 15).
        if part.number in (6, 11, 14, 15, 22, 23):
            node.nested = True
        # One tensor (5) or several (10).
        elif part.number in (5, 10):
            node.tensors.append(_tensor(wire, part))


def _tensor(wire: Wire, message: Field) -> Tensor:
    name, external = "", False
    sizes: list[int] = []
    for part in wire.fields(message):
        if part.number == 1:
            sizes += wire.varints(part)
        elif part.number == 8:
            name = wire.text(part)
        elif part.number == 13 or (part.number == 14 and part.value != 0):
            external = True
    return Tensor(name, math.prod(sizes), message.stop - message.start, external)


def _port(wire: Wire, message: Field) -> Port:
    name = ""
    types: list[int] = []
    shape: list[int | None] = []
    for part in wire.fields(message):
        if part.number == 1:
            name = wire.text(part)
        elif part.number == 2:
            for kind in wire.fields(part):
                # Anything but a tensor (1) is not float32.
                types += _element_types(wire, kind, shape) if kind.number == 1 else [0]
    return Port(name, tuple(types), tuple(shape))


def _element_types(wire: Wire, tensor: Field, shape: list[int | None]) -> list[int]:
    types = []
    for part in wire.fields(tensor):
        if part.number == 1:
            types.append(part.value)
        elif part.number == 2:
            shape += [_size(wire, dim) for dim in wire.fields(part) if dim.number == 1]
    return types


def _size(wire: Wire, message: Field) -> int | None:
    sizes: list[int] = []
    for part in wire.fields(message):
        if part.number == 1:
            sizes.append(part.value)
        elif part.number == 2:
            # A free size has a name, which engines decode when they are asked for the ports.
            wire.text(part)
    return sizes[-1] if sizes else None
