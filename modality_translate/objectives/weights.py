"""How much a term counts when, and a voxel where."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from modality_translate import recipe
from modality_translate.errors import RecipeError
from modality_translate.recipe import Recipe

AIR_BELOW, BONE_ABOVE = -200.0, 250.0
"""HU; as in the scores."""
KNOWN_ABOVE = -0.5
"""Below, a voxel of the body map lies beyond the volume."""


def weight_at(settings: recipe.Objective, term: str, progress: float) -> float:
    """The weight of `term`; the adversarial one rises from 0 over `adversarial_ramp` once it is switched on."""
    weight: float = getattr(settings, term)
    if term != "adversarial" or not settings.adversarial_ramp:
        return weight
    return weight * min(max((progress - settings.adversarial_from) / settings.adversarial_ramp, 0.0), 1.0)


class VoxelWeights:
    """Weights of voxels by the recipe: body against outside, and rare tissue against soft tissue of a CT.

    Raises `RecipeError` for a tissue weight where the target is not a CT.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.outside = recipe.objective.outside
        self.tissue = recipe.objective.tissue
        if self.tissue == 1.0:
            return
        if recipe.target.modality != "CT":
            reason = f"tissues are told apart by HU, which a target of {recipe.target.modality} has not."
            raise RecipeError("objective.tissue", reason, "Leave it out.")
        limits = np.array([AIR_BELOW, BONE_ABOVE], np.float32)
        self.air, self.bone = recipe.target.channel().scaling.fixed.forward(limits).tolist()

    def __call__(self, target: Tensor, body: Tensor | None) -> Tensor:
        """For the voxels of `target` (N, 1, X, Y, Z) in [-1, 1]; `body` as in `Batch`, 1 everywhere if left out."""
        inside = torch.ones_like(target) if body is None else body.clamp_min(0.0)
        weight = self.outside + (1.0 - self.outside) * inside
        if body is not None:
            # What lies beyond the volume is not known, so nothing there may be learnt, air least of all.
            weight = weight * (body > KNOWN_ABOVE)
        if self.tissue == 1.0:
            return weight
        rare = (target < self.air) | (target > self.bone)
        return weight * (1.0 + (self.tissue - 1.0) * inside * rare)
