"""Unpaired translation in one direction, held together by contrast between places (CUT; Park et al., ECCV 2020)."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import Tensor

from modality_translate.networks import Projections, encoded_channels
from modality_translate.objectives.checks import check_any, check_no_halo, check_settings
from modality_translate.objectives.losses import clutter, patch_contrast, structure_difference
from modality_translate.objectives.oneway import OneWay, Seen
from modality_translate.objectives.places import Places
from modality_translate.recipe import Recipe

COMPARED = 256
"""Places per map and step."""


class Cut(OneWay):
    """A generator and a critic of the target's look; each place must be known again among others of its image.

    It is known again by what the generator's own encoder sees there before and after translation (PatchNCE), at every
    resolution. `identity` asks the same of targets given as input. Source and target may show different subjects.
    """

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        check_settings(recipe.objective, ("adversarial", "nce", "identity", "gradient", "body", "r1"))
        check_any(recipe.objective, ("nce",), "nothing ties it to the source")
        check_any(recipe.objective, ("adversarial",), "nothing shows it the target's look")
        check_no_halo(recipe)
        super().__init__(recipe, fabric)
        self.heads = self.add_helper("heads", Projections(encoded_channels(self.generator)))
        self.air = recipe.target.air()
        self.places = Places(COMPARED, recipe.seed)
        self.memories = {"places": self.places}

    def terms(self, seen: Seen, synthetic: Tensor, progress: float) -> dict[str, Tensor]:  # noqa: ARG002
        terms = {"nce": self._contrast(seen.source, synthetic)}
        if self.settings.identity:
            terms["identity"] = self._contrast(seen.target, self.translator.aside(seen.target))
        if self.settings.gradient:
            terms["gradient"] = structure_difference(synthetic, seen.source)
        if self.settings.body:
            terms["body"] = clutter(synthetic, seen.body, self.air)
        return terms

    def _contrast(self, given: Tensor, translated: Tensor) -> Tensor:
        """PatchNCE, averaged over the maps."""
        after = self.translator.encode(translated)
        places = self.places.draw(after)
        queries = self.heads(after, places)
        # The keys are what the queries are to become, and are not taught themselves.
        with torch.no_grad():
            keys = self.heads(self.translator.encode(given), places)
        return torch.stack([patch_contrast(*pair) for pair in zip(queries, keys, strict=True)]).mean()
