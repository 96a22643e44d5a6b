"""The registration network, and the warp that its displacement field describes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modality_translate import recipe
from modality_translate.networks.layers import Layers, halvings
from modality_translate.networks.residual_unet import ResidualUNet
from modality_translate.networks.together import averaged

WIDTH, MOST_HALVINGS = 16, 3

FORGOTTEN = 0.05
"""Share of the running mean displacement that each batch replaces."""


class Registration(nn.Module):
    """A small U-Net from two images (N, 1, X, Y, Z) to displacements (N, axes, X, Y, Z), along X and Y alone in 2D.

    `warp(moving, field)` is to look like `fixed`. Displacements are in voxels, at the start all 0, none is predicted
    longer than `reach` along an axis. The mean over recent batches is taken out: a shift of all translations that is
    undone by all fields would cost nothing, and training would drift along it.
    """

    def __init__(self, geometry: recipe.Geometry, reach: float) -> None:
        super().__init__()
        self.reach, self.flat = reach, geometry.dims == 2
        # Without normalisation: it would take out of each image what tells where all of it has moved to.
        layers = Layers(geometry.dims, norm="none")
        levels = 1 + halvings(geometry.patch, MOST_HALVINGS)
        self.network = ResidualUNet(layers, 2, WIDTH, levels, blocks=1, outputs=geometry.dims)
        nn.init.zeros_(self.network.head.weight)
        self.register_buffer("common", torch.zeros(geometry.dims, 1, 1, 1))

    def forward(self, fixed: Tensor, moving: Tensor) -> Tensor:
        pair = torch.cat([fixed, moving], dim=1)
        field = self.network(pair.squeeze(-1)).unsqueeze(-1) if self.flat else self.network(pair)
        # Sixteen bits cannot tell neighbouring places of a large patch apart.
        field = self.reach * torch.tanh(field.float() / self.reach)
        if self.training:
            # One step that overflows must not spoil all later ones.
            mean = averaged(field.detach().mean(dim=(0, 2, 3, 4)).nan_to_num())
            self.common.lerp_(mean.view_as(self.common), FORGOTTEN)
        return field - self.common


def warp(image: Tensor, field: Tensor) -> Tensor:
    """`image` (N, 1, X, Y, Z) as seen at every voxel's place plus its displacement, linearly interpolated.

    `field` is (N, axes, X, Y, Z) in voxels along X, Y and, with three axes, Z. Places outside the image get the nearest
    voxel.
    """
    size = image.shape[2:]
    still = torch.stack(torch.meshgrid(*(torch.arange(n, device=field.device) for n in size), indexing="ij"))
    places = still + F.pad(field.float(), (0, 0) * 3 + (0, 3 - field.shape[1]))
    spans = torch.tensor([max(n - 1, 1) for n in size], device=field.device).view(-1, 1, 1, 1)
    # The sampler wants -1 to 1 from the first voxel's centre to the last one's, and the last axis first.
    grid = (2.0 * places / spans - 1.0).movedim(1, -1).flip(-1)
    # A place that is no number would be taken for an address on the way back, and end the process.
    grid = grid.nan_to_num()
    return F.grid_sample(image.float(), grid, mode="bilinear", padding_mode="border", align_corners=True)
