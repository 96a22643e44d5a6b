from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modality_translate.data.defaults import complete, default_patch, median_spacing, recipe_for_folders
from modality_translate.data.subjects import find_cases
from modality_translate.errors import RecipeError
from modality_translate.volumes import Grid


def grid(shape: tuple[int, int, int], *spacing: float) -> Grid:
    return Grid(shape, np.diag([*spacing, 1.0]))


def test_an_open_voxel_size_is_the_sources_median(pairs: Path, recipe_with):
    recipe = recipe_with(geometry={"spacing": None})
    assert complete(recipe, find_cases(recipe.data, pairs).cases).geometry.spacing == (2.0, 2.0, 4.0)


def test_a_given_voxel_size_stays(pairs: Path, recipe_with):
    recipe = recipe_with(geometry={"spacing": [3.0, 3.0, 3.0]})
    assert complete(recipe, find_cases(recipe.data, pairs).cases) is recipe


def test_the_median_resists_one_odd_scan():
    assert median_spacing([grid((1, 1, 1), *s) for s in ((1, 1, 3), (1, 1, 3), (9, 9, 9))]) == (1, 1, 3)


def test_a_patch_covers_the_median_slice_up_to_128():
    assert default_patch([grid((90, 300, 4), 1, 1, 1), grid((96, 310, 9), 1, 1, 1)]) == (96, 128)


def test_two_folders_become_a_paired_recipe(pairs: Path):
    recipe = recipe_for_folders("mr", "ct", ("MR", None), pairs, paired=True)
    assert (recipe.source.modality, recipe.target.modality) == ("MR", "CT")
    assert recipe.objective.kind == "pix2pix"
    assert (recipe.geometry.context, recipe.geometry.patch) == (5, (32, 32))
    assert recipe.data.validation == 1


def test_two_unpaired_folders_become_a_cyclegan_recipe(pairs: Path):
    recipe = recipe_for_folders("mr", "ct", ("MR", "CT"), pairs, paired=False)
    assert (recipe.objective.kind, recipe.geometry.context, recipe.data.paired) == ("cyclegan", 1, False)


def test_a_modality_that_cannot_be_recognised_is_asked_for(pairs: Path):
    with pytest.raises(RecipeError, match=r"Give --from \(CT, MR, PET\)"):
        recipe_for_folders("mr", "ct", (None, None), pairs, paired=True)
