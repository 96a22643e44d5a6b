"""From phantom to converted volumes by the commands a user types, each in its own process; conversion without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from modality_translate.cli import main
from modality_translate.volumes import read_volume

ROOT = Path(__file__).parents[1]
LEAN = ROOT / ".venv-lean" / "bin" / "python"
QUICK = {
    "training.steps": 12,
    "training.validate_every": 12,
    "training.checkpoint_every": 6,
    "training.batch": 2,
    "generator.width": 4,
    "generator.levels": 2,
    "generator.blocks": 1,
    "discriminator.width": 4,
    "discriminator.layers": 1,
    "geometry.patch": [32, 32],
    "data.phantom.spacing": 6.0,
    "data.phantom.subjects": 4,
    "data.phantom.held_out": 1,
}
SETTINGS = [part for key, value in QUICK.items() for part in ("--set", f"{key}={value}")]


def mtranslate(*arguments: object, python: Path | str = sys.executable) -> str:
    words = [str(python), "-m", "modality_translate", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def mtranslate_here(*arguments: object) -> str:
    """The same command in this process, which has loaded torch already."""
    done = CliRunner().invoke(main.mtranslate, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def journey(tmp_path_factory) -> Path:
    """A folder with a trained run, its model, and three heads nobody trained on."""
    folder = tmp_path_factory.mktemp("journey")
    mtranslate("train", "recipes/phantom_mr_to_ct.toml", "-o", folder / "run", *SETTINGS, "--set", "geometry.context=3")
    mtranslate("export", folder / "run", "-o", folder / "model.onnx")
    mtranslate("phantom", "-o", folder / "new", "-n", 2, "--seed", 77, "--spacing", 6)
    return folder


def test_a_conversion_lies_on_the_grid_of_its_source(journey: Path):
    mtranslate("convert", "-m", journey / "model.onnx", "-i", journey / "new" / "t1", "-o", journey / "out")
    source, result = (read_volume(journey / place / "sub-000.nii.gz") for place in ("new/t1", "out"))
    assert result.grid.matches(source.grid)
    assert -1024 <= result.array.min() < result.array.max() <= 3071


def test_converting_twice_gives_the_same_bytes(journey: Path):
    for place in ("once", "twice"):
        mtranslate("convert", "-m", journey / "model.onnx", "-i", journey / "new" / "t1", "-o", journey / place, "-q")
    first, second = ((journey / place / "sub-001.nii.gz").read_bytes() for place in ("once", "twice"))
    assert first == second


def test_the_run_and_the_model_give_the_same_volume(journey: Path):
    """What training scored on the held-out case is what the exported file writes: torch against onnxruntime."""
    held_out = next((journey / "run" / "held_out").glob("*.nii.gz"))
    source = journey / "run" / "phantom" / "t1" / held_out.name
    mtranslate("convert", "-m", journey / "model.onnx", "-i", source, "-o", journey / "same.nii.gz")
    difference = np.abs(read_volume(journey / "same.nii.gz").array - read_volume(held_out).array)
    assert difference.max() <= 1.0
    assert difference.mean() <= 0.05


@pytest.mark.skipif(not LEAN.exists(), reason="run `make lean` first: it builds an environment without torch")
def test_an_environment_without_torch_converts_to_the_same_volume(journey: Path):
    missing = [str(LEAN), "-c", "import importlib.util as u; print(u.find_spec('torch'), u.find_spec('monai'))"]
    assert subprocess.run(missing, capture_output=True, text=True, check=True).stdout.split() == ["None", "None"]
    source = journey / "new" / "t1" / "sub-000.nii.gz"
    mtranslate("convert", "-m", journey / "model.onnx", "-i", source, "-o", journey / "lean.nii.gz", python=LEAN)
    mtranslate("convert", "-m", journey / "model.onnx", "-i", source, "-o", journey / "full.nii.gz")
    lean, full = (read_volume(journey / f"{name}.nii.gz").array for name in ("lean", "full"))
    assert np.abs(lean - full).max() <= 1.0


def test_a_conversion_is_scored_and_reported(journey: Path):
    mtranslate("convert", "-m", journey / "model.onnx", "-i", journey / "new" / "t1", "-o", journey / "scored", "-q")
    scores = journey / "scores.json"
    table = mtranslate("evaluate", "-p", journey / "scored", "-r", journey / "new" / "ct", "--json", scores)
    assert json.loads(scores.read_text())["summary"]["mae"]["cases"] == 2
    assert "MAE [HU]" in table


def test_the_unpaired_recipe_exports_both_directions(tmp_path: Path):
    mtranslate_here("train", ROOT / "recipes/phantom_mr_ct_unpaired.toml", "-o", tmp_path / "run", *SETTINGS)
    for direction in ("forward", "backward"):
        model = tmp_path / f"{direction}.onnx"
        mtranslate_here("export", tmp_path / "run", "-o", model, "--direction", direction)
        target = json.loads(mtranslate_here("inspect", model, "--json"))["spec"]["target"]["modality"]
        assert target == {"forward": "CT", "backward": "MR"}[direction]


@pytest.mark.parametrize("name", ["ct_to_mr", "ct_to_pet", "mr_to_pet", "pet_to_ct", "pet_to_mr"])
def test_every_phantom_recipe_trains_and_exports(tmp_path: Path, name: str):
    mtranslate_here("train", ROOT / f"recipes/phantom_{name}.toml", "-o", tmp_path / "run", *SETTINGS)
    mtranslate_here("export", tmp_path / "run", "-o", tmp_path / "model.onnx")
    assert json.loads(mtranslate_here("inspect", tmp_path / "model.onnx", "--json"))["spec"]["accuracy"]["cases"] == 1
