"""Paired translation of pairs that do not lie well on each other (Kong et al., NeurIPS 2021).

A registration network moves each translation onto its target before they are compared, so that the translator need not
learn the misalignment. Only the translator is kept. Slices are moved in their plane alone, and the network must learn
beside the translator: it is for what `data.registration` leaves over, with which recipes of this kind start.
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
    """Differences of the moved translation to the target, what the field costs, and a critic shown the unmoved one.

    The registration rests until `registration_from`, then both learn together. Earlier it would learn to mend the
    shapes of a translator that cannot draw yet, which then has no reason to draw them right.
    The critic sees no source: beside a target that lies elsewhere, it would teach to move the translation there.
    """

    conditional = False
    used = (*USED, "smooth", "still", "registration_from", "registration_reach")

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        super().__init__(recipe, fabric)
        network = Registration(recipe.geometry, self.settings.registration_reach)
        self.registration = self.add_helper("registration", network)

    def terms(self, seen: Seen, synthetic: Tensor, progress: float) -> dict[str, Tensor]:
        if progress < self.settings.registration_from:
            return super().terms(seen, synthetic, progress)
        # Detached: the translator would else learn to draw what leads the registration to the easiest field.
        field = self.registration(seen.target, synthetic.detach())
        compared = super().terms(seen, warp(synthetic, field), progress)
        return compared | self._costs(field)

    def _costs(self, field: Tensor) -> dict[str, Tensor]:
        costs = {"smooth": roughness(field), "still": field.square().sum(dim=1).mean()}
        return {name: cost for name, cost in costs.items() if getattr(self.settings, name)}
