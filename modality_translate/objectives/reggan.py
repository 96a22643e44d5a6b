"""Paired translation of pairs that do not lie well on each other (Kong et al., NeurIPS 2021).

A registration network moves each translation onto its target before they are compared, so that the translator need not
learn the misalignment. Only the translator is kept.
"""

from __future__ import annotations

from lightning_fabric import Fabric
from torch import Tensor

from modality_translate.networks import Registration, warp
from modality_translate.objectives.losses import roughness
from modality_translate.objectives.oneway import Seen
from modality_translate.objectives.pix2pix import USED, Pix2Pix
from modality_translate.recipe import Recipe


class RegGAN(Pix2Pix):
    """Differences of the moved translation to the target, the field's roughness, and a critic of the unmoved one.

    The registration rests until `registration_from`, then both learn together. Earlier it would learn to mend the
    shapes of a translator that cannot draw yet, which then has no reason to draw them right.
    The critic sees no source: beside a target that lies elsewhere, it would teach to move the translation there.
    """

    conditional = False
    used = (*USED, "smooth", "registration_from", "registration_reach")

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        super().__init__(recipe, fabric)
        network = Registration(recipe.geometry, self.settings.registration_reach)
        self.registration = self.add_helper("registration", network)

    def terms(self, seen: Seen, synthetic: Tensor, progress: float) -> dict[str, Tensor]:
        if progress < self.settings.registration_from:
            return super().terms(seen, synthetic, progress)
        field = self.registration(synthetic, seen.target)
        compared = super().terms(seen, warp(synthetic, field), progress)
        return compared | {"smooth": roughness(field)} if self.settings.smooth else compared
