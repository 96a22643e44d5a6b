"""A generator between host units: what is validated, exported and run is one and the same graph."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from modality_translate.errors import RecipeError
from modality_translate.recipe import Scaling

Function = Callable[[Tensor, Scaling], Tensor]


class ScaledGenerator(nn.Module):
    """Host units of the source (N, 1, X, Y, Z) to host units of the target (N, 1, X', Y', Z').

    Clips and scales to [-1, 1], runs the generator, clips to [-1, 1] and scales back, with the fixed part of both
    scalings: the same numbers as their numpy `forward` and `invert`. Only operators that every ONNX engine has.
    """

    def __init__(self, generator: nn.Module, source: Scaling, target: Scaling) -> None:
        super().__init__()
        self.generator = generator
        self.source = source.fixed
        self.target = target.fixed
        for scaling in (self.source, self.target):
            _check_kind(scaling)

    def forward(self, x: Tensor) -> Tensor:
        scaled = _per_voxel(FORWARD[self.source.kind], x, self.source)
        return _per_voxel(INVERT[self.target.kind], self.generator(scaled), self.target)


def _per_voxel(function: Function, x: Tensor, scaling: Scaling) -> Tensor:
    """`function` of each voxel of (N, 1, X, Y, Z)."""
    if x.shape[-1] > 1:
        return function(x, scaling)
    # onnxruntime broadcasts a constant along the last axis: of size 1, it takes as long as a convolution.
    return function(x.squeeze(-1), scaling).unsqueeze(-1)


def _check_kind(scaling: Scaling) -> None:
    if scaling.kind not in FORWARD:
        reason = f"{scaling.kind!r} cannot be part of a model."
        raise RecipeError("scaling.kind", reason, f"Choose one of: {', '.join(FORWARD)}.")


def _window_forward(x: Tensor, window: Scaling) -> Tensor:
    return (x.clamp(window.lo, window.hi) - window.lo) * (2.0 / (window.hi - window.lo)) - 1.0


def _window_invert(y: Tensor, window: Scaling) -> Tensor:
    return (y.clamp(-1.0, 1.0) + 1.0) * ((window.hi - window.lo) / 2.0) + window.lo


def _asinh_forward(x: Tensor, asinh: Scaling) -> Tensor:
    # asinh and sinh written out: not every engine has these operators.
    u = x.clamp(0.0, asinh.hi) * (1.0 / asinh.knee)
    return torch.log(u + torch.sqrt(u * u + 1.0)) * (2.0 / asinh.gain) - 1.0


def _asinh_invert(y: Tensor, asinh: Scaling) -> Tensor:
    v = (y.clamp(-1.0, 1.0) + 1.0) * (asinh.gain / 2.0)
    return (torch.exp(v) - torch.exp(-v)) * (asinh.knee / 2.0)


FORWARD: dict[str, Function] = {"window": _window_forward, "asinh": _asinh_forward}
INVERT: dict[str, Function] = {"window": _window_invert, "asinh": _asinh_invert}
