"""Perceptual loss (Johnson et al., ECCV 2016) by a network that is trained on the run's own data.

A small segmentation network learns on the targets at the beginning of the training; then it is frozen, and
translations are compared with targets by what its encoder sees in them. Nothing is downloaded, and features come from
the modality itself, which those of photographs do not.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor

from modality_translate.networks import Segmenter
from modality_translate.objectives.players import Player, frozen
from modality_translate.recipe import Recipe

RATE, CLIP = 1e-3, 1.0
LOUDEST = 0.2
"""Largest deviation of the noise, where [-1, 1] is the range: without any, each voxel would tell its class by itself,
and the network would have no reason to look around."""


class Perception(Player):
    """A `Segmenter` that first learns, then judges."""

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        super().__init__(Segmenter(recipe.geometry), RATE, recipe.optimiser, fabric, CLIP)
        self.seed = recipe.seed

    def learn(self, target: Tensor, body: Tensor | None) -> dict[str, Tensor]:
        """Gradients towards the classes of the voxels of noisy targets (N, 1, X, Y, Z); its cross-entropy."""
        self.network.follow(target, body)
        loss = F.cross_entropy(self(self._noisy(target)).float(), self.network.classes(target))
        self.fabric.backward(loss)
        return {"segmenter": loss}

    def difference(self, image: Tensor, target: Tensor) -> Tensor:
        """L1 distance of the features of length 1, mean over voxels and maps; the network gets no gradients."""
        with frozen(self.network), self.fabric.autocast():
            pairs = zip(self.network.encode(image), self.network.encode(target), strict=True)
            return torch.stack([(a - b).abs().sum(dim=1).mean() for a, b in pairs]).mean()

    def _noisy(self, target: Tensor) -> Tensor:
        # Seeded by the step, so that a resumed run repeats it.
        draw = torch.Generator().manual_seed(self.seed + self.taken())
        loudness = LOUDEST * torch.rand(target.shape[0], 1, 1, 1, 1, generator=draw)
        return target + (loudness * torch.randn(target.shape, generator=draw)).to(target)
