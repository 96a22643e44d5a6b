"""What a generator's encoder makes of patches, and the projections in which it is compared (Park et al., ECCV 2020)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from modality_translate.errors import RecipeError
from modality_translate.networks.layers import Encoder
from modality_translate.networks.slices import SliceStack

PROJECTED = 256
"""Length of the vectors that are compared."""


def encode(generator: nn.Module, patches: Tensor) -> list[Tensor]:
    """The encoder's maps of `patches` (N, 1, X, Y, Z), from the finest to the coarsest; see `encoded_channels`."""
    if isinstance(generator, SliceStack):
        return generator.network.encode(generator.as_channels(patches))
    return generator.encode(patches)


def encoded_channels(generator: nn.Module) -> list[int]:
    """Channels of each map that `encode` gives. Raises `RecipeError` for networks that show none."""
    network = generator.network if isinstance(generator, SliceStack) else generator
    if not isinstance(network, Encoder):
        reason = f"{type(network).__name__} does not show the maps of its encoder."
        raise RecipeError("generator.kind", reason, "Choose residual_unet, unet or resnet.")
    return network.encoded


class Projections(nn.Module):
    """A perceptron of two layers per map: `maps` (N, channels, *size) at `places` to (N, places, 256) of length 1.

    `places` are numbers into the map's voxels in storage order, (places,).
    """

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(inputs, PROJECTED), nn.ReLU(inplace=True), nn.Linear(PROJECTED, PROJECTED))
            for inputs in channels
        )
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, 0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, maps: list[Tensor], places: list[Tensor]) -> list[Tensor]:
        chosen = (map_.flatten(2)[:, :, where].mT for map_, where in zip(maps, places, strict=True))
        return [F.normalize(head(vectors), dim=-1) for head, vectors in zip(self.heads, chosen, strict=True)]
