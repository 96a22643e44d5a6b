"""What every objective offers, and what it is given at each step."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

State = dict[str, Any]
"""Nested dicts (string keys) and lists of tensors, numbers, strings, bools and None: nothing that needs pickle."""


class Batch(NamedTuple):
    """Full patches (N, 1, X, Y, Z) in [-1, 1], context slices included: of the same places if the data are paired."""

    source: Tensor
    target: Tensor
    body: Tensor | None = None
    """1 inside the patient, 0 outside, -1 beyond the volume; paired data only."""


class Objective(Protocol):
    """What is optimised, with the networks and optimisers that it needs."""

    @property
    def generator(self) -> nn.Module:
        """The network from source to target: (N, 1, X, Y, Z) to the tiling's core."""

    @property
    def generators(self) -> dict[str, nn.Module]:
        """By direction: "forward", and "backward" where there is one."""

    def step(self, batch: Batch, progress: float) -> dict[str, float]:
        """Train on one batch; `progress` is the fraction of the training done, 0 to 1.

        Returns every term by name, before weighting, and "generator", their weighted sum. Terms that are not
        switched on yet are left out.
        """

    def set_rate(self, factor: float) -> None:
        """Multiply the recipe's learning rates."""

    def state_dict(self) -> State:
        """A copy of all that the next step depends on, except torch's global random state (dropout)."""

    def load_state_dict(self, state: State) -> None:
        """Go on from `state_dict`. Raises `RunError` when it belongs to other networks."""


def core(patch: Tensor, halo: tuple[int, int, int]) -> Tensor:
    """The middle of patches (N, 1, X, Y, Z) without `halo` voxels at each side."""
    x, y, z = (slice(width, size - width) for width, size in zip(halo, patch.shape[2:], strict=True))
    return patch[:, :, x, y, z]


def values(terms: dict[str, Tensor]) -> dict[str, float]:
    """Numbers for the log; one transfer from the device for all of them."""
    return dict(zip(terms, torch.stack([term.detach().float() for term in terms.values()]).tolist(), strict=True))
