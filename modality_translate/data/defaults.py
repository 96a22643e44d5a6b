"""What a recipe leaves open is filled from the volumes."""

from __future__ import annotations

from modality_translate.data.fingerprint import canonical_grid, median_spacing
from modality_translate.data.split import split
from modality_translate.data.subjects import Case
from modality_translate.recipe import Recipe


def complete(recipe: Recipe, cases: tuple[Case, ...]) -> Recipe:
    """`recipe` with its voxel size filled in: the median of the training sources."""
    if recipe.geometry.spacing is not None:
        return recipe
    grids = [canonical_grid(case.source) for case in split(cases, recipe).train if case.source]
    geometry = recipe.geometry.model_copy(update={"spacing": median_spacing(grids)})
    return recipe.model_copy(update={"geometry": geometry})
