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
    """A small U-Net from two images (N, 1, X, Y, Z) to displacements (N, dims, X, Y, Z) in voxels.

    `warp(moving, field)` is to look like `fixed`. At the start all displacements are 0; none is predicted longer than
    `reach` along an axis. In 2D they lie in the plane. The mean over recent batches is taken out: a shift of all
    translations that is undone by all fields would cost nothing, and training would drift along it.
    """

    def __init__(self, geometry: recipe.Geometry, reach: float) -> None:
        super().__init__()
        self.reach = reach
        self.flat = geometry.dims == 2
        # Without normalisation: it would take out of each image what tells where all of it has moved to.
        layers = Layers(geometry.dims, norm="none")
        levels = 1 + halvings(geometry.patch, MOST_HALVINGS)
        self.network = ResidualUNet(layers, 2, WIDTH, levels, blocks=1, outputs=geometry.dims)
        nn.init.zeros_(self.network.head.weight)
        self.register_buffer("common", torch.zeros(geometry.dims, 1, 1, 1))

    def forward(self, moving: Tensor, fixed: Tensor) -> Tensor:
        both = torch.cat([moving, fixed], dim=1)
        field = self.network(both.squeeze(-1)).unsqueeze(-1) if self.flat else self.network(both)
        # Sixteen bits cannot tell neighbouring places of a large patch apart.
        field = self.reach * torch.tanh(field.float() / self.reach)
        if self.training:
            # One step that overflows must not spoil all later ones.
            mean = averaged(field.detach().mean(dim=(0, 2, 3, 4)).nan_to_num())
            self.common.lerp_(mean.view_as(self.common), FORGOTTEN)
        return field - self.common


def warp(image: Tensor, field: Tensor) -> Tensor:
    """`image` (N, 1, X, Y, Z) as seen at every voxel's place plus its displacement, linearly interpolated.

    `field` is (N, axes, X, Y, Z) in voxels along X, Y and, with three axes, Z. Places outside get the nearest voxel.
    """
    axes = field.shape[1]
    size = image.shape[2 : 2 + axes]
    image, field = image.float(), field.float()
    if flat := axes == 2:
        image, field = image.squeeze(-1), field.squeeze(-1)
    places = torch.stack(torch.meshgrid(*(torch.arange(n, device=field.device) for n in size), indexing="ij")) + field
    spans = torch.tensor([max(n - 1, 1) for n in size], device=field.device).view(-1, *[1] * axes)
    # The sampler wants -1 to 1 from the first voxel's centre to the last one's, and the last axis first.
    grid = (2.0 * places / spans - 1.0).movedim(1, -1).flip(-1)
    # A place that is no number would be taken for an address on the way back, and end the process.
    grid = grid.nan_to_num()
    warped = F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=True)
    return warped.unsqueeze(-1) if flat else warped
