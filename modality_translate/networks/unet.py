"""The U-Net of pix2pix (Isola et al., CVPR 2017), with resize-convolutions on the way up and a linear head."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from modality_translate.networks.layers import Double, Encoder, Layers, start_like_a_gan, widths

SLOPE = 0.2


class UNet(Encoder):
    """(N, channels, *size) to (N, 1, *size); each size a multiple of 2 ** (levels - 1), levels at least 2."""

    def __init__(self, layers: Layers, channels: int, width: int, levels: int) -> None:
        super().__init__()
        self.encoded = wide = widths(width, levels)
        pairs = list(pairwise(wide))
        self.stem = layers.head(channels, width, size=3)
        self.down = nn.ModuleList(_down(layers, fine, coarse) for fine, coarse in pairs)
        # Only the coarsest level comes alone; the others are joined by their skip connection.
        arriving = [wide[-1], *(2 * coarse for coarse in reversed(wide[1:-1]))]
        self.up = nn.ModuleList(
            _up(layers, inputs, fine) for inputs, fine in zip(arriving, reversed(wide[:-1]), strict=True)
        )
        self.head = nn.Sequential(nn.ReLU(inplace=True), layers.head(2 * width, size=3))
        start_like_a_gan(self)

    def encode(self, x: Tensor) -> list[Tensor]:
        maps = [self.stem(x)]
        for down in self.down:
            maps.append(down(maps[-1]))
        return maps

    def forward(self, x: Tensor) -> Tensor:
        *skips, x = self.encode(x)
        for up in self.up:
            x = torch.cat([up(x), skips.pop()], dim=1)
        return self.head(x)


def _down(layers: Layers, inputs: int, outputs: int) -> nn.Module:
    # Not in place: the input is also the skip connection.
    return nn.Sequential(nn.LeakyReLU(SLOPE), layers.conv(inputs, outputs, size=4, stride=2), layers.normalise(outputs))


def _up(layers: Layers, inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.ReLU(), Double(), layers.conv(inputs, outputs), layers.normalise(outputs), layers.drop())
