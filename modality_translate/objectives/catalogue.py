"""The objectives one can name in a recipe."""

from __future__ import annotations

from collections.abc import Callable

from lightning_fabric import Fabric

from modality_translate.errors import RecipeError
from modality_translate.objectives.base import Objective
from modality_translate.objectives.cut import Cut
from modality_translate.objectives.cyclegan import CycleGAN
from modality_translate.objectives.pix2pix import Pix2Pix
from modality_translate.objectives.reggan import RegGAN
from modality_translate.recipe import Recipe

OBJECTIVES: dict[str, Callable[[Recipe, Fabric], Objective]] = {
    "pix2pix": Pix2Pix,
    # The same mechanism; the recipe gives it other weights.
    "hybrid": Pix2Pix,
    "reggan": RegGAN,
    "cyclegan": CycleGAN,
    "cut": Cut,
}


def build_objective(recipe: Recipe, fabric: Fabric) -> Objective:
    """The recipe's objective with fresh networks on fabric's device, drawn from torch's global random state.

    Raises `RecipeError` for unknown kinds, and for settings or shapes that do not fit the objective or its networks.
    """
    kind = recipe.objective.kind
    if kind not in OBJECTIVES:
        raise RecipeError("objective.kind", f"{kind!r} is unknown.", f"Choose one of: {', '.join(OBJECTIVES)}.")
    return OBJECTIVES[kind](recipe, fabric)
