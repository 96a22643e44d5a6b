"""The residual encoder U-Net: most of the work in a residual encoder, a light decoder, a linear head.

After Isensee et al., "nnU-Net Revisited" (MICCAI 2024): one residual block at full resolution, where a block costs
most and sees least, and `blocks` at each coarser level; one convolution per level on the way up.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from modality_translate.networks.layers import Double, Encoder, Layers, start_by_variance, widths

SLOPE = 0.01


class ResidualBlock(nn.Module):
    """conv - norm - LeakyReLU - conv - norm, added to its input; `stride` 2 halves the size."""

    def __init__(self, layers: Layers, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Sequential(layers.conv(inputs, outputs, stride=stride), layers.normalise(outputs))
        self.second = nn.Sequential(layers.drop(), layers.conv(outputs, outputs), layers.normalise(outputs))
        self.shortcut = _shortcut(layers, inputs, outputs, stride)
        self.activation = nn.LeakyReLU(SLOPE, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        change = self.second(self.activation(self.first(x)))
        return self.activation(change + self.shortcut(x))


def _shortcut(layers: Layers, inputs: int, outputs: int, stride: int) -> nn.Module:
    smaller = [layers.halve()] if stride == 2 else []
    wider = [layers.conv(inputs, outputs, size=1), layers.normalise(outputs)] if inputs != outputs else []
    return nn.Sequential(*smaller, *wider)


class Up(nn.Module):
    """From a coarse level to the next finer one: narrow, double, join the skip connection, convolve."""

    def __init__(self, layers: Layers, coarse: int, fine: int) -> None:
        super().__init__()
        # Narrowing before doubling costs a quarter (2D) or an eighth (3D) of narrowing after it.
        self.enlarge = nn.Sequential(layers.conv(coarse, fine, size=1), layers.normalise(fine), Double())
        self.join = nn.Sequential(
            layers.conv(2 * fine, fine), layers.normalise(fine), nn.LeakyReLU(SLOPE, inplace=True), layers.drop()
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.join(torch.cat([self.enlarge(x), skip], dim=1))


class ResidualUNet(Encoder):
    """(N, channels, *size) to (N, outputs, *size); each size a multiple of 2 ** (levels - 1)."""

    def __init__(self, layers: Layers, channels: int, width: int, levels: int, blocks: int, outputs: int = 1) -> None:
        super().__init__()
        self.encoded = wide = widths(width, levels)
        pairs = list(pairwise(wide))
        self.stem = nn.Sequential(
            layers.conv(channels, width), layers.normalise(width), nn.LeakyReLU(SLOPE, inplace=True)
        )
        self.top = ResidualBlock(layers, width, width)
        self.down = nn.ModuleList(_level(layers, fine, coarse, blocks) for fine, coarse in pairs)
        self.up = nn.ModuleList(Up(layers, coarse, fine) for fine, coarse in reversed(pairs))
        self.head = layers.head(width, outputs)
        start_by_variance(self, SLOPE)
        # From near zero: a loud random output must first be unlearnt, which cost a third of the accuracy of short runs.
        nn.init.normal_(self.head.weight, 0.0, 0.02)

    def encode(self, x: Tensor) -> list[Tensor]:
        maps = [self.top(self.stem(x))]
        for down in self.down:
            maps.append(down(maps[-1]))
        return maps

    def forward(self, x: Tensor) -> Tensor:
        *skips, x = self.encode(x)
        for up in self.up:
            x = up(x, skips.pop())
        return self.head(x)


def _level(layers: Layers, fine: int, coarse: int, blocks: int) -> nn.Module:
    first = ResidualBlock(layers, fine, coarse, stride=2)
    return nn.Sequential(first, *(ResidualBlock(layers, coarse, coarse) for _ in range(blocks - 1)))
