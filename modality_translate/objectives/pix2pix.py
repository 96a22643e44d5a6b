"""Paired translation: regression with an optional conditional adversarial term (Isola et al., CVPR 2017)."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from modality_translate.errors import RecipeError
from modality_translate.objectives.base import Batch, core, values
from modality_translate.objectives.game import Game
from modality_translate.objectives.losses import absolute, dissimilarity, gradient_difference
from modality_translate.objectives.weights import check_settings
from modality_translate.recipe import Recipe

REGRESSION = {"l1": absolute, "ssim": dissimilarity, "gradient": gradient_difference}


class Pix2Pix(Game):
    """Weighted sum of differences to the target and, from `adversarial_from` on, of the critic's verdict.

    Before that, or with weight 0, the critic is neither run nor trained. It sees source and translation together.
    """

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        _check(recipe)
        super().__init__(recipe, fabric)
        self.halo = recipe.geometry.tiling().halo
        self.translator = self.add_translator("generator")
        self.critic = self.add_critic("discriminator", channels=2) if self.settings.adversarial else None

    @property
    def generator(self) -> nn.Module:
        return self.translator.network

    @property
    def generators(self) -> dict[str, nn.Module]:
        return {"forward": self.generator}

    def step(self, batch: Batch, progress: float) -> dict[str, float]:
        self.train()
        patch, target_patch, body = self.fabric.to_device(batch)
        source, target = core(patch, self.halo), core(target_patch, self.halo)
        weight = torch.ones_like(target) if body is None else self._weight(core(body, self.halo))
        critic = self.critic if progress >= self.settings.adversarial_from else None

        synthetic = self.translator(patch)
        terms = self._regression(synthetic, target, weight)
        if critic:
            terms["adversarial"] = critic.not_fooled_by(torch.cat([source, synthetic], dim=1))
        total = self.weighted(terms)
        self.fabric.backward(total)
        self.translator.descend(self.recipe.optimiser.clip)

        learned = {}
        if critic:
            learned = critic.learn(torch.cat([source, target], dim=1), torch.cat([source, synthetic], dim=1))
        return values({"generator": total, **terms, **learned})

    def _weight(self, body: Tensor) -> Tensor:
        """1 inside the body, `outside` elsewhere."""
        return self.settings.outside + (1.0 - self.settings.outside) * body

    def _regression(self, synthetic: Tensor, target: Tensor, weight: Tensor) -> dict[str, Tensor]:
        chosen = {name: term for name, term in REGRESSION.items() if getattr(self.settings, name)}
        return {name: term(synthetic, target, weight) for name, term in chosen.items()}


def _check(recipe: Recipe) -> None:
    check_settings(recipe.objective, (*REGRESSION, "outside", "adversarial", "adversarial_from"))
    if not any(getattr(recipe.objective, name) for name in REGRESSION):
        reason = "pix2pix needs a weight above 0 for one of l1, ssim and gradient, or nothing ties it to the target."
        raise RecipeError("objective", reason)
    if not recipe.data.paired:
        raise RecipeError(
            "objective.kind",
            "pix2pix compares with the target voxel by voxel, but data.paired is false.",
            'Choose objective.kind = "cyclegan".',
        )
