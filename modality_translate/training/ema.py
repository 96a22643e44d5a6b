"""The running average of a network's weights: what is validated, kept and exported."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn


class Ema:
    """An averaged copy of `module`, in evaluation mode.

    The decay is min(decay, (1 + t) / (10 + t)) after t updates, so that the first weights are forgotten quickly.
    Floating-point buffers (batch statistics) are averaged like the weights they belong to; others are copied.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.average = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    def update(self, module: nn.Module) -> None:
        """Move the average towards the weights of `module`."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates)) if self.decay else 0.0
        self.updates += 1
        averaged, current = [], []
        for mean, value in zip(_tensors(self.average), _tensors(module), strict=True):
            if mean.is_floating_point():
                averaged.append(mean)
                current.append(value)
            else:
                mean.copy_(value)
        # One call for all weights: one by one takes longer than a small network's step.
        torch._foreach_lerp_(averaged, current, 1.0 - decay)

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates, "average": self.average.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.updates = state["updates"]
        self.average.load_state_dict(state["average"])


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [*(parameter.detach() for parameter in module.parameters()), *module.buffers()]
