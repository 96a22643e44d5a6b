from __future__ import annotations

from pathlib import Path

from modality_translate.data.defaults import complete
from modality_translate.data.subjects import find_cases


def test_an_open_voxel_size_is_the_sources_median(pairs: Path, recipe_with):
    recipe = recipe_with(geometry={"spacing": None})
    assert complete(recipe, find_cases(recipe.data, pairs).cases).geometry.spacing == (2.0, 2.0, 4.0)


def test_a_given_voxel_size_stays(pairs: Path, recipe_with):
    recipe = recipe_with(geometry={"spacing": [3.0, 3.0, 3.0]})
    assert complete(recipe, find_cases(recipe.data, pairs).cases) is recipe
