"""What every objective offers, and what it is given at each step."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from modality_translate.networks.together import averaged

State = dict[str, Any]
"""Nested dicts (string keys) and lists of tensors, numbers, strings, bools and None: nothing that needs pickle."""


class Batch(NamedTuple):
    """Full patches (N, 1, X, Y, Z) in [-1, 1], context slices included: of the same places if the data are paired."""

    source: Tensor
    target: Tensor
    body: Tensor | None = None
    """1 inside the patient, 0 outside, -1 beyond the volume; of the pair, or of an unpaired source."""
    target_body: Tensor | None = None
    """The same of an unpaired target."""

    def parts(self, count: int) -> list[Batch]:
        """Equal shares of the patches, in order."""
        sides = [[None] * count if side is None else side.chunk(count) for side in self]
        return [Batch(*part) for part in zip(*sides, strict=True)]


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

        With several processes `batch` is this one's share. Returns every term by name, before weighting, and
        "generator", their weighted sum, as means over the whole batch. Terms that are not switched on yet are left
        out. A batch with a term that is not finite teaches nothing.
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


def values(parts: list[dict[str, Tensor]]) -> dict[str, float]:
    """Numbers for the log, means over the parts and processes; one transfer from the device for all of them."""
    table = torch.stack([torch.stack([term.detach().float() for term in part.values()]) for part in parts])
    return dict(zip(parts[0], averaged(table.mean(0)).tolist(), strict=True))
