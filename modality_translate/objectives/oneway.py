"""What the objectives with one generator share: one step of it, and of the critic it plays against."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from modality_translate.objectives.base import Batch, core
from modality_translate.objectives.game import Game
from modality_translate.recipe import Recipe


class Seen(NamedTuple):
    """A batch as one step sees it: the generator's input patch, and the rest without the halo."""

    patch: Tensor
    source: Tensor
    target: Tensor
    body: Tensor | None


class OneWay(Game):
    """Weighted sum of the objective's `terms` and, from `adversarial_from` on, of the critic's verdict.

    Before that, or with weight 0, the critic is neither run nor trained. A `conditional` one sees source and
    translation together, another one the translation alone.
    """

    conditional = False

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        super().__init__(recipe, fabric)
        self.halo = recipe.geometry.tiling().halo
        self.translator = self.add_translator("generator")
        channels = 2 if self.conditional else 1
        self.critic = self.add_critic("discriminator", channels) if self.settings.adversarial else None

    @property
    def generator(self) -> nn.Module:
        return self.translator.network

    @property
    def generators(self) -> dict[str, nn.Module]:
        return {"forward": self.generator}

    @abstractmethod
    def terms(self, seen: Seen, synthetic: Tensor, progress: float) -> dict[str, Tensor]:
        """The objective's own terms, named like their weights in the recipe."""

    def prepare(self, seen: Seen, progress: float) -> dict[str, Tensor]:  # noqa: ARG002
        """Add the gradients of helpers that do not learn with the generator; what to report of them."""
        return {}

    def learn(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        seen = self._see(batch)
        prepared = self.prepare(seen, progress)
        critic = self.critic if progress >= self.settings.adversarial_from else None

        synthetic = self.translator(seen.patch)
        terms = self.terms(seen, synthetic, progress)
        if critic:
            terms["adversarial"] = critic.not_fooled_by(self._shown(seen, synthetic))
        total = self.weighted(terms, progress)
        self.fabric.backward(total)

        learned = critic.learn(self._shown(seen, seen.target), self._shown(seen, synthetic)) if critic else {}
        return {"generator": total, **terms, **prepared, **learned}

    def _see(self, batch: Batch) -> Seen:
        source, target, body, _ = self.fabric.to_device(batch)
        inside = None if body is None else core(body, self.halo)
        return Seen(source, core(source, self.halo), core(target, self.halo), inside)

    def _shown(self, seen: Seen, image: Tensor) -> Tensor:
        """What the critic judges `image` by."""
        return torch.cat([seen.source, image], dim=1) if self.conditional else image
