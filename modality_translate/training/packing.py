"""Nested training state into named tensors plus JSON, and exactly back: no pickle, nothing that could run code."""

from __future__ import annotations

from typing import Any

from torch import Tensor

TAGS = {dict: "dict", list: "list", tuple: "tuple", Tensor: "tensor"}


def pack(state: Any) -> tuple[Any, dict[str, Tensor]]:
    """JSON-ready structure and the tensors it refers to by name.

    `state` may nest dicts (string or integer keys), lists, tuples, tensors, numbers, strings, booleans and None.
    """
    tensors: dict[str, Tensor] = {}

    def walk(value: Any, name: str) -> Any:
        if isinstance(value, Tensor):
            # A copy of its own: safetensors refuses tensors that share memory.
            tensors[name] = value.detach().cpu().contiguous().clone()
            return ["tensor", name]
        if isinstance(value, dict):
            return ["dict", [[key, walk(item, f"{name}/{key}")] for key, item in value.items()]]
        if isinstance(value, (list, tuple)):
            return [TAGS[type(value)], [walk(item, f"{name}/{i}") for i, item in enumerate(value)]]
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise TypeError(f"{name}: {type(value).__name__} cannot be kept in a checkpoint")

    return walk(state, "state"), tensors


def unpack(structure: Any, tensors: dict[str, Tensor]) -> Any:
    """What `pack` was given."""
    if not isinstance(structure, list):
        return structure
    kind, content = structure
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: unpack(item, tensors) for key, item in content}
    items = [unpack(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items
