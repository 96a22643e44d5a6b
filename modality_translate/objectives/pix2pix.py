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
from modality_translate.objectives.perception import Perception
from modality_translate.objectives.weights import VoxelWeights
from modality_translate.recipe import Recipe

REGRESSION = {"l1": absolute, "ssim": dissimilarity, "gradient": gradient_difference}
USED = (
    *REGRESSION,
    "perceptual",
    "perceptual_from",
    "outside",
    "tissue",
    "adversarial",
    "adversarial_from",
    "adversarial_ramp",
    "r1",
)


class Pix2Pix(OneWay):
    """Differences to the target, weighted voxel by voxel, and a critic that sees source and translation together.

    With `perceptual`, a segmentation network learns until `perceptual_from`; then its features are compared, too.
    """

    conditional = True
    used = USED

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        check_settings(recipe.objective, self.used)
        check_any(recipe.objective, tuple(REGRESSION), "nothing ties it to the target")
        check_paired(recipe)
        self.voxel_weights = VoxelWeights(recipe)
        super().__init__(recipe, fabric)
        if self.settings.perceptual:
            self.players["perception"] = self.perception = Perception(recipe, fabric)

    def prepare(self, seen: Seen, progress: float) -> dict[str, Tensor]:
        if not self.settings.perceptual or progress >= self.settings.perceptual_from:
            return {}
        return self.perception.learn(seen.target, seen.body)

    def terms(self, seen: Seen, synthetic: Tensor, progress: float) -> dict[str, Tensor]:
        weight = self.voxel_weights(seen.target, seen.body)
        chosen = {name: term for name, term in REGRESSION.items() if getattr(self.settings, name)}
        terms = {name: term(synthetic, seen.target, weight) for name, term in chosen.items()}
        if self.settings.perceptual and progress >= self.settings.perceptual_from:
            terms["perceptual"] = self.perception.difference(synthetic, seen.target)
        return terms
