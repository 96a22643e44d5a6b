"""Between patches, which always have an X, a Y and a Z axis, and networks that see them as 2D images."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SliceStack(nn.Module):
    """A 2D network on a stack of k neighbouring axial slices: (N, 1, X, Y, k) to (N, 1, X, Y, 1).

    The slices are the network's input channels, (N, k, X, Y); it answers with the middle one.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(self.as_channels(x)).unsqueeze(-1)

    def as_channels(self, x: Tensor) -> Tensor:
        """(N, 1, X, Y, k) to (N, k, X, Y)."""
        # A view, whose channels lie next to each other in memory: convolutions on the CPU run a quarter faster on it.
        return torch.movedim(x.squeeze(1), -1, 1)
