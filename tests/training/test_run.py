from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from modality_translate.errors import RunError
from modality_translate.recipe import Recipe
from modality_translate.training.run import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


@pytest.mark.parametrize("kind", ["pix2pix", "cyclegan"])
def test_a_recipe_written_reads_back_equal(run: RunFolder, recipe_of: Callable[..., Recipe], kind: str):
    recipe = recipe_of(kind, augmentation={"flip": ""})
    run.write_recipe(recipe)
    assert run.recipe() == recipe


def test_a_spec_written_reads_back_equal(run: RunFolder, recipe_of: Callable[..., Recipe]):
    spec = recipe_of().spec()
    run.write_spec(spec, "forward")
    run.write_accuracy({"cases": 2, "mae": 60.5}, "forward")
    assert run.spec() == spec.model_copy(update={"accuracy": {"cases": 2, "mae": 60.5}})


def test_directions_are_those_with_weights(run: RunFolder):
    run.write_averaged(nn.Linear(2, 1), "backward", step=1)
    assert run.directions() == ["backward"]
    assert run.weights("backward")["weight"].shape == (1, 2)
    with pytest.raises(RunError, match=r"no weights for forward \(backward\)"):
        run.weights()


def test_a_folder_that_is_no_run_says_so(run: RunFolder):
    with pytest.raises(RunError, match=r"there is no recipe.toml: not the folder of a training"):
        run.recipe()
    with pytest.raises(RunError, match=r"there is no spec_backward.json"):
        run.spec("backward")


def test_damaged_files_are_named(run: RunFolder):
    run.path.mkdir()
    for name in ("recipe.toml", "spec.json", "averaged.safetensors"):
        (run.path / name).write_bytes(b"{broken")
    for read, name in ((run.recipe, "recipe.toml"), (run.spec, "spec.json"), (run.weights, "averaged.safetensors")):
        with pytest.raises(RunError, match=f"{name} is damaged"):
            read()


def test_an_unknown_key_in_the_runs_recipe_is_named(run: RunFolder, recipe_of: Callable[..., Recipe]):
    run.write_recipe(recipe_of())
    run.recipe_file.write_text(run.recipe_file.read_text() + "\n[optimizer]\nlr = 1\n")
    with pytest.raises(RunError, match="unknown key optimizer"):
        run.recipe()
