"""A small segmentation network, and the classes that it finds in the images themselves."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modality_translate import recipe
from modality_translate.networks.encoding import encode
from modality_translate.networks.layers import Layers, halvings
from modality_translate.networks.residual_unet import ResidualUNet
from modality_translate.networks.slices import SliceStack
from modality_translate.networks.together import averaged

WIDTH, MOST_HALVINGS = 16, 3
CLASSES = 5
"""Enough for air, fat, soft tissue, spongy and dense bone."""
FOLLOWED = 0.1
"""Share of the way to the newest batch's class means that the centres move at each step."""
MOST_SAMPLES = 1_000_000


class Segmenter(nn.Module):
    """A small U-Net from images (N, 1, X, Y, Z) in [-1, 1] to the scores of five classes, (N, 5, X, Y, Z).

    A voxel's class is the nearest of five values, which `follow` moves as the k-means of MacQueen (1967) does: CT, MR
    and PET all have classes then, without labels.
    """

    def __init__(self, geometry: recipe.Geometry) -> None:
        super().__init__()
        layers = Layers(geometry.dims, norm="none")
        levels = 1 + halvings(geometry.patch, MOST_HALVINGS)
        network = ResidualUNet(layers, 1, WIDTH, levels, blocks=1, outputs=CLASSES)
        self.network = SliceStack(network) if geometry.dims == 2 else network
        self.register_buffer("centres", torch.full((CLASSES,), torch.nan))

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def encode(self, images: Tensor) -> list[Tensor]:
        """The encoder's maps (N, channels, *size), each voxel's features scaled to length 1, finest first."""
        return [F.normalize(map_.float(), dim=1) for map_ in encode(self.network, images)]

    def classes(self, images: Tensor) -> Tensor:
        """The class of each voxel, (N, X, Y, Z)."""
        return (images - self.centres.view(1, -1, 1, 1, 1)).abs().argmin(dim=1)

    @torch.no_grad()
    def follow(self, images: Tensor, body: Tensor | None) -> None:
        """Move the centres towards the class means of `images`; they start from the quantiles inside `body`."""
        if self.centres.isnan().any():
            self.centres.copy_(averaged(_quantiles(images if body is None else images[body > 0.5])))
        mine = F.one_hot(self.classes(images), CLASSES).movedim(-1, 1).float()
        counts = averaged(mine.sum(dim=(0, 2, 3, 4)))
        means = averaged((mine * images).sum(dim=(0, 2, 3, 4))) / counts.clamp_min(1e-6)
        self.centres.lerp_(torch.where(counts > 0, means, self.centres), FOLLOWED)


def _quantiles(values: Tensor) -> Tensor:
    """The middles of five equal parts of all values; evenly over [-1, 1] where there are none."""
    parts = (torch.arange(CLASSES, device=values.device) + 0.5) / CLASSES
    if not values.numel():
        return 2.0 * parts - 1.0
    return values.flatten()[:: 1 + values.numel() // MOST_SAMPLES].float().quantile(parts)
