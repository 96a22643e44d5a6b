from __future__ import annotations

from pathlib import Path

import pytest

from modality_translate.errors import RecipeError
from modality_translate.recipe import apply_overrides, read_recipe, recipe_from

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))
SMALL = {"name": "small", "data": {"phantom": {}}, "source": {"modality": "MR"}, "target": {"modality": "CT"}}


def changed(**tables):
    return recipe_from({**SMALL, **tables}, "test")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_loads_and_is_named_like_its_file(path: Path):
    assert read_recipe(path).name == path.stem


def test_all_six_directions_between_mr_ct_and_pet_are_there():
    ways = {(r.source.modality, r.target.modality) for r in map(read_recipe, RECIPES) if r.data.phantom}
    assert ways == {(a, b) for a in ("MR", "CT", "PET") for b in ("MR", "CT", "PET") if a != b}


def test_an_unknown_key_names_the_nearest_known_one(tmp_path: Path):
    path = tmp_path / "typo.toml"
    path.write_text(RECIPES[0].read_text().replace("steps =", "stepz ="))
    with pytest.raises(RecipeError, match=r"typo\.toml: unknown key training\.stepz; did you mean steps\?"):
        read_recipe(path)


def test_a_bad_value_says_where_and_why():
    with pytest.raises(RecipeError, match=r"optimiser\.lr: .*greater than 0"):
        changed(optimiser={"lr": -1.0})


def test_an_even_number_of_context_slices_is_refused():
    with pytest.raises(RecipeError, match="context 4 must be odd"):
        changed(geometry={"context": 4})


def test_a_patch_needs_as_many_sizes_as_dimensions():
    with pytest.raises(RecipeError, match=r"needs 3 sizes because dims = 3"):
        changed(geometry={"dims": 3, "patch": [64, 64]})


def test_volumes_must_come_from_somewhere():
    with pytest.raises(RecipeError, match=r"data\.source and data\.target are needed"):
        changed(data={})


def test_a_missing_file_says_what_to_give(tmp_path: Path):
    with pytest.raises(RecipeError, match=r"no such file\. Give a recipe"):
        read_recipe(tmp_path / "none.toml")


def test_text_that_is_no_toml_is_refused_in_one_line(tmp_path: Path):
    path = tmp_path / "broken.toml"
    path.write_text("steps = = 3")
    with pytest.raises(RecipeError, match="not a readable TOML file"):
        read_recipe(path)


def test_overrides_set_numbers_lists_and_text():
    values = apply_overrides(SMALL, ("optimiser.lr=1e-4", "geometry.patch=[64, 32]", "generator.kind=unet"))
    recipe = recipe_from(values, "test")
    assert (recipe.optimiser.lr, recipe.geometry.patch, recipe.generator.kind) == (1e-4, (64, 32), "unet")


def test_overrides_leave_the_values_they_are_given_alone():
    values = {**SMALL, "optimiser": {"lr": 1.0}}
    apply_overrides(values, ("optimiser.lr=2.0",))
    assert values["optimiser"] == {"lr": 1.0}


@pytest.mark.parametrize("text", ["optimiser.lr", "=3"])
def test_an_override_without_a_value_is_refused(text: str):
    with pytest.raises(RecipeError, match=r"is not of the form table\.key=value"):
        apply_overrides(SMALL, (text,))


def test_an_override_below_a_value_is_refused():
    with pytest.raises(RecipeError, match="name is a value, not a table"):
        apply_overrides(SMALL, ("name.first=x",))


def test_a_list_without_brackets_is_told_how_lists_are_written():
    values = apply_overrides(SMALL, ("geometry.patch=64,32",))
    with pytest.raises(RecipeError, match=r"geometry.patch: '64,32' is not a list in brackets, such as \[1, 2\]"):
        recipe_from(values, "x")


def test_a_stack_of_slices_gives_its_middle_slice():
    tiling = changed(geometry={"context": 5, "patch": [64, 48]}).spec().tiling
    assert (tiling.patch, tiling.core) == ((64, 48, 5), (64, 48, 1))


def test_the_backward_direction_swaps_the_roles():
    forward, backward = changed().spec(), changed().spec(backward=True)
    assert (backward.source, backward.target) == (forward.target, forward.source)
    assert backward.name != forward.name
