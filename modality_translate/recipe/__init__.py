"""Recipes: one experiment as typed, frozen settings, read from TOML. Every field has one default, written once."""

from modality_translate.intensities.scaling import Scaling
from modality_translate.recipe.learning import (
    OBJECTIVE_DEFAULTS,
    Discriminator,
    Generator,
    Objective,
    Optimiser,
    Training,
)
from modality_translate.recipe.reading import apply_overrides, given_fields, read_recipe, recipe_from
from modality_translate.recipe.volumes import Augmentation, Data, Geometry, Phantom, Side
from modality_translate.recipe.whole import REGISTERS_FIRST, Recipe

__all__ = [
    "OBJECTIVE_DEFAULTS",
    "REGISTERS_FIRST",
    "Augmentation",
    "Data",
    "Discriminator",
    "Generator",
    "Geometry",
    "Objective",
    "Optimiser",
    "Phantom",
    "Recipe",
    "Scaling",
    "Side",
    "Training",
    "apply_overrides",
    "given_fields",
    "read_recipe",
    "recipe_from",
]
