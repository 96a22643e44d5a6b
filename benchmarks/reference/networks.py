"""The published networks on single slices: one channel in and out, (N, 1, H, W) in [-1, 1]."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

SLOPE = 0.2
NORMS = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d}


class UNet256(nn.Module):
    """The generator of Pix2Pix, (N, 1, 256, 256) to the same (Isola et al., section 6.1.1).

    Eight halvings C64-C128-C256-C512 x 5, eight doublings CD512 x 3-C512-C256-C128-C64-C1 joined by skips; batch
    normalisation but at the first and the last (single-pixel) level of the way down; dropout in three blocks.
    """

    WIDTHS = (64, 128, 256, 512, 512, 512, 512, 512)
    DROPPED = 3

    def __init__(self) -> None:
        super().__init__()
        wide = self.WIDTHS
        last = len(wide) - 2
        self.down = nn.ModuleList([nn.Conv2d(1, wide[0], 4, 2, 1)])
        self.down.extend(_halve(*pair, normed=level < last) for level, pair in enumerate(pairwise(wide)))
        arriving = [wide[-1], *(2 * width for width in reversed(wide[1:-1]))]
        pairs = zip(arriving, reversed(wide[:-1]), strict=True)
        self.up = nn.ModuleList(_double(*pair, dropped=level < self.DROPPED) for level, pair in enumerate(pairs))
        self.head = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * wide[0], 1, 4, 2, 1), nn.Tanh())
        start(self)

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for down in self.down:
            maps.append(down(maps[-1]))
        x = maps.pop()
        for up in self.up:
            x = torch.cat([maps.pop(), up(x)], dim=1)
        return self.head(x)


class ResNet9(nn.Module):
    """The generator of CycleGAN, (N, 1, H, W) to the same, sizes multiples of 4 (Zhu et al., appendix 7.2).

    c7s1-64, d128, d256, R256 x 9, u128, u64, c7s1-1; reflection padding, instance normalisation without weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_wide(1, 64),
            *_normed(nn.Conv2d(64, 128, 3, 2, 1)),
            *_normed(nn.Conv2d(128, 256, 3, 2, 1)),
            *(Residual(256) for _ in range(9)),
            *_normed(nn.ConvTranspose2d(256, 128, 3, 2, 1, output_padding=1)),
            *_normed(nn.ConvTranspose2d(128, 64, 3, 2, 1, output_padding=1)),
            nn.ReflectionPad2d(3),
            nn.Conv2d(64, 1, 7),
            nn.Tanh(),
        )
        start(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Residual(nn.Module):
    """conv - norm - ReLU - conv - norm, added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        padded = [(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3)) for _ in range(2)]
        self.change = nn.Sequential(
            *padded[0], nn.InstanceNorm2d(channels), nn.ReLU(), *padded[1], nn.InstanceNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)


class PatchGAN(nn.Sequential):
    """The 70 x 70 discriminator C64-C128-C256-C512-C1, (N, channels, 256, 256) to scores (N, 1, 30, 30).

    `norm` is "batch" (Pix2Pix) or "instance" (CycleGAN); none in the first layer.
    """

    def __init__(self, channels: int, norm: str) -> None:
        super().__init__(
            nn.Conv2d(channels, 64, 4, 2, 1),
            nn.LeakyReLU(SLOPE),
            *_judged(64, 128, 2, norm),
            *_judged(128, 256, 2, norm),
            *_judged(256, 512, 1, norm),
            nn.Conv2d(512, 1, 4, 1, 1),
        )
        start(self)


def start(network: nn.Module) -> None:
    """Weights from a normal distribution of standard deviation 0.02; those of batch normalisation around 1."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)


def _halve(inputs: int, outputs: int, normed: bool) -> nn.Module:
    norm = [nn.BatchNorm2d(outputs)] if normed else []
    return nn.Sequential(nn.LeakyReLU(SLOPE), nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not normed), *norm)


def _double(inputs: int, outputs: int, dropped: bool) -> nn.Module:
    drop = [nn.Dropout(0.5)] if dropped else []
    convolution = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm2d(outputs), *drop)


def _wide(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), *_normed(nn.Conv2d(inputs, outputs, 7))]


def _normed(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [convolution, nn.InstanceNorm2d(convolution.out_channels), nn.ReLU()]


def _judged(inputs: int, outputs: int, stride: int, norm: str) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 4, stride, 1, bias=norm == "instance")
    return [convolution, NORMS[norm](outputs), nn.LeakyReLU(SLOPE)]
