"""Paired translation: regression with an optional conditional adversarial term (Isola et al., CVPR 2017).

`pix2pix` and `hybrid` are this one objective. Its weights in the recipe say how much of it is regression, and when and
how gently the adversarial term comes in.
"""

from __future__ import annotations

from lightning_fabric import Fabric
from torch import Tensor

from modality_translate.objectives.checks import check_any, check_paired, check_settings
from modality_translate.objectives.losses import absolute, dissimilarity, gradient_difference
from modality_translate.objectives.oneway import OneWay, Seen
from modality_translate.objectives.weights import VoxelWeights
from modality_translate.recipe import Recipe

REGRESSION = {"l1": absolute, "ssim": dissimilarity, "gradient": gradient_difference}
USED = (*REGRESSION, "outside", "tissue", "adversarial", "adversarial_from", "adversarial_ramp", "r1")


class Pix2Pix(OneWay):
    """Differences to the target, weighted voxel by voxel, and a critic that sees source and translation together."""

    conditional = True
    used = USED

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        check_settings(recipe.objective, self.used)
        check_any(recipe.objective, tuple(REGRESSION), "nothing ties it to the target")
        check_paired(recipe)
        self.voxel_weights = VoxelWeights(recipe)
        super().__init__(recipe, fabric)

    def terms(self, seen: Seen, synthetic: Tensor, progress: float) -> dict[str, Tensor]:  # noqa: ARG002
        weight = self.voxel_weights(seen.target, seen.body)
        chosen = {name: term for name, term in REGRESSION.items() if getattr(self.settings, name)}
        return {name: term(synthetic, seen.target, weight) for name, term in chosen.items()}
