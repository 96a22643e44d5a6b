"""The residual generator of CycleGAN (Zhu et al., ICCV 2017; Johnson et al., ECCV 2016), with resize-convolutions.

The borders are padded with zeros in place of reflections: reflected anatomy would be seen as anatomy.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from modality_translate.networks.layers import Double, Encoder, Layers, start_like_a_gan, widths


class ResNetBlock(nn.Module):
    """conv - norm - ReLU - conv - norm, added to its input."""

    def __init__(self, layers: Layers, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            *_conv(layers, channels, channels),
            layers.drop(),
            layers.conv(channels, channels),
            layers.normalise(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)


class ResNet(Encoder):
    """(N, channels, *size) to (N, 1, *size); each size a multiple of 2 ** levels."""

    def __init__(self, layers: Layers, channels: int, width: int, levels: int, blocks: int) -> None:
        super().__init__()
        wide = widths(width, levels + 1)
        pairs = list(pairwise(wide))
        self.encoded = [*wide, wide[-1]]
        self.stem = nn.Sequential(*_conv(layers, channels, width, size=7))
        self.down = nn.Sequential(*(nn.Sequential(*_conv(layers, *pair, stride=2)) for pair in pairs))
        self.blocks = nn.Sequential(*(ResNetBlock(layers, wide[-1]) for _ in range(blocks)))
        self.up = nn.Sequential(
            *(nn.Sequential(Double(), *_conv(layers, coarse, fine)) for fine, coarse in reversed(pairs))
        )
        self.head = layers.head(width, size=7)
        start_like_a_gan(self)

    def encode(self, x: Tensor) -> list[Tensor]:
        """The stem, every halving, and the middle one of the residual blocks."""
        maps = [self.stem(x)]
        for down in self.down:
            maps.append(down(maps[-1]))
        middle = maps[-1]
        for block in list(self.blocks)[: (len(self.blocks) + 1) // 2]:
            middle = block(middle)
        return [*maps, middle]

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(self.stem(x))
        return self.head(self.up(self.blocks(x)))


def _conv(layers: Layers, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> list[nn.Module]:
    return [layers.conv(inputs, outputs, size, stride), layers.normalise(outputs), nn.ReLU(inplace=True)]
