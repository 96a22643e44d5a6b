"""Unpaired translation, there and back again (Zhu et al., ICCV 2017)."""

from __future__ import annotations

from lightning_fabric import Fabric
from torch import Tensor, nn

from modality_translate.objectives.base import Batch
from modality_translate.objectives.checks import check_any, check_no_halo, check_settings
from modality_translate.objectives.game import Game
from modality_translate.objectives.losses import absolute, clutter, structure_difference
from modality_translate.objectives.pool import ImagePool
from modality_translate.recipe import Recipe

Pair = tuple[Tensor, Tensor]


class CycleGAN(Game):
    """Two generators, one per direction, and two critics, one per modality.

    Every term is the mean over both directions. Source and target of a batch may come from different subjects.
    """

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        check_settings(recipe.objective, ("adversarial", "cycle", "identity", "gradient", "body", "pool", "r1"))
        check_any(recipe.objective, ("adversarial",), "nothing shows it how the target looks")
        check_no_halo(recipe)
        super().__init__(recipe, fabric)
        self.forward, self.backward = (self.add_translator(name) for name in ("forward", "backward"))
        self.source_critic = self.add_critic("source_discriminator", channels=1)
        self.target_critic = self.add_critic("target_discriminator", channels=1)
        # The two pools draw differently, each the same in every run of the recipe.
        self.source_pool, self.target_pool = (ImagePool(self.settings.pool, recipe.seed + i) for i in range(2))
        self.airs = recipe.source.air(), recipe.target.air()
        self.memories = {"source_pool": self.source_pool, "target_pool": self.target_pool}

    @property
    def generator(self) -> nn.Module:
        return self.forward.network

    @property
    def generators(self) -> dict[str, nn.Module]:
        return {"forward": self.forward.network, "backward": self.backward.network}

    def learn(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        real = self.fabric.to_device(batch)
        synthetic = self.backward(real.target), self.forward(real.source)
        terms = self._terms(real, synthetic)
        total = self.weighted(terms, progress)
        self.fabric.backward(total)
        return {"generator": total, **terms, **self._teach_critics(real, synthetic)}

    def _terms(self, real: Batch, synthetic: Pair) -> dict[str, Tensor]:
        """The generators' terms; `real` and `synthetic` are (source, target) images."""
        source, target = synthetic
        terms = {
            "adversarial": _mean(self.source_critic.not_fooled_by(source), self.target_critic.not_fooled_by(target))
        }
        if self.settings.cycle:
            again = self.backward.aside(target), self.forward.aside(source)
            terms["cycle"] = _mean(absolute(again[0], real.source), absolute(again[1], real.target))
        if self.settings.identity:
            same = self.backward.aside(real.source), self.forward.aside(real.target)
            terms["identity"] = _mean(absolute(same[0], real.source), absolute(same[1], real.target))
        if self.settings.gradient:
            terms["gradient"] = _mean(
                structure_difference(source, real.target), structure_difference(target, real.source)
            )
        if self.settings.body:
            terms["body"] = _mean(
                clutter(source, real.target_body, self.airs[0]), clutter(target, real.body, self.airs[1])
            )
        return terms

    def _teach_critics(self, real: Batch, synthetic: Pair) -> dict[str, Tensor]:
        of_source = self.source_critic.learn(real.source, self.pooled(self.source_pool, synthetic[0]))
        of_target = self.target_critic.learn(real.target, self.pooled(self.target_pool, synthetic[1]))
        return {name: _mean(of_source[name], of_target[name]) for name in of_source}


def _mean(a: Tensor, b: Tensor) -> Tensor:
    return 0.5 * (a + b)
