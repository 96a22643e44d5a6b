"""The layers every own network is made of, in 2D or 3D."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
BATCH_NORMS = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
INSTANCE_NORMS = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
POOLS = {2: nn.AvgPool2d, 3: nn.AvgPool3d}

LARGEST_WIDENING = 16
"""Channels double at each level, up to this multiple of the first level's."""


@dataclass(frozen=True)
class Layers:
    """Makes layers of one kind: `dims` spatial axes, `norm` is "batch", "instance" or "none"."""

    dims: int
    norm: str = "batch"
    dropout: float = 0.0

    def conv(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Module:
        """A convolution without bias: for use before a normalisation, whose shift replaces it."""
        return self._conv(inputs, outputs, size, stride, bias=self.norm == "none")

    def head(self, inputs: int, outputs: int = 1, size: int = 1) -> nn.Module:
        """The last, linear convolution."""
        return self._conv(inputs, outputs, size, stride=1, bias=True)

    def normalise(self, channels: int) -> nn.Module:
        if self.norm == "batch":
            return BATCH_NORMS[self.dims](channels)
        if self.norm == "instance":
            return INSTANCE_NORMS[self.dims](channels, affine=True)
        return nn.Identity()

    def drop(self) -> nn.Module:
        return nn.Dropout(self.dropout) if self.dropout else nn.Identity()

    def halve(self) -> nn.Module:
        """Averages over 2 voxels along each axis."""
        return POOLS[self.dims](2)

    def _conv(self, inputs: int, outputs: int, size: int, stride: int, bias: bool) -> nn.Module:
        return CONVOLUTIONS[self.dims](inputs, outputs, size, stride, padding=(size - 1) // 2, bias=bias)


class Encoder(nn.Module, ABC):
    """A generator whose way down can be looked into."""

    encoded: list[int]
    """Channels of each map of `encode`."""

    @abstractmethod
    def encode(self, x: Tensor) -> list[Tensor]:
        """The maps (N, channels, *size) of the way down, from the finest to the coarsest."""


class Double(nn.Module):
    """Twice the size along each axis by repetition; a convolution after it leaves no checkerboard."""

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2.0, mode="nearest")


def widths(first: int, levels: int) -> list[int]:
    """Channels of each level, from the finest to the coarsest."""
    return [first * min(2**level, LARGEST_WIDENING) for level in range(levels)]


def halvings(patch: tuple[int, ...], most: int) -> int:
    """How often every size can be halved, `most` times at most."""
    return max(times for times in range(most + 1) if all(size % 2**times == 0 for size in patch))


def start_like_a_gan(network: nn.Module) -> nn.Module:
    """Normal weights of standard deviation 0.02, as in DCGAN and pix2pix; returns the network."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Conv3d)):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


def start_by_variance(network: nn.Module, slope: float) -> nn.Module:
    """Weights that keep the variance through LeakyReLU of this `slope` (He et al. 2015); returns the network."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Conv3d)):
            nn.init.kaiming_normal_(module.weight, a=slope, nonlinearity="leaky_relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
