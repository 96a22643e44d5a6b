from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from modality_translate.cli.plan import command
from modality_translate.errors import PairingError, RecipeError, TranslationError, VolumeError
from modality_translate.recipe import read_recipe
from modality_translate.volumes import Volume, write_volume


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with data/{mr,ct}/{p0..p5}.nii.gz."""
    monkeypatch.chdir(tmp_path)
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in (16, 16, 4)], indexing="ij"))
    inside = (place[:2] ** 2).sum(axis=0) < 0.6
    for number in range(6):
        noise = np.random.default_rng(number).uniform(0, 30, inside.shape)
        for side, array in {"mr": 500.0 * inside + noise, "ct": np.where(inside, 40.0, -1000.0)}.items():
            path = tmp_path / "data" / side / f"p{number}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_volume(path, Volume.of(array, np.diag([2.0, 2.0, 4.0, 1.0])))
    return tmp_path / "data"


def plan(*arguments: str) -> Result:
    result = CliRunner().invoke(command, [*arguments, "-d", "cpu"], standalone_mode=False)
    if isinstance(result.exception, TranslationError):
        raise result.exception
    return result


FOLDERS = ["-a", "data/mr", "-b", "data/ct"]


def test_what_is_left_aside_is_told(data: Path):
    (data / "ct" / "p5.nii.gz").unlink()
    assert "1 sources without a target are left out: p5" in plan(*FOLDERS, "-o", "recipe.toml").stdout


def test_a_plan_is_a_recipe_with_reasons_and_is_told():
    Path("plans").mkdir()
    result = plan(*FOLDERS, "-o", "plans/mine.toml", "--json", "plan.json")
    assert result.exception is None, result.output
    assert re.search(r"voxel mm, median +2x2x4 +2x2x4\n", result.stdout)
    assert "objective.kind" in result.stdout
    assert result.stdout.endswith("Next: mtranslate train plans/mine.toml -o RUN\n")
    assert "read 6 of 6" in result.stderr
    text = Path("plans/mine.toml").read_text()
    assert "# slices: scans of 4 slices are too few for 3D\ndims = 2\n" in text
    assert "# Warning: 6 pairs, which is few" in text
    recipe = read_recipe(Path("plans/mine.toml"))
    assert recipe.data.source == "../data/mr"
    assert recipe.data.held_out == ("p4",)
    assert "left out" not in result.stdout
    reasons = json.loads(Path("plan.json").read_text())
    assert {"geometry.dims": 2}.items() <= {d["field"]: d["value"] for d in reasons["decisions"]}.items()


def test_what_is_given_stands_and_is_told_so():
    result = plan(*FOLDERS, "-o", "r.toml", "--set", "geometry.patch=[32, 16]", "--set", "training.batch=3", "-q")
    values = tomllib.loads(Path("r.toml").read_text())
    assert (values["geometry"]["patch"], values["training"]["batch"]) == ([32, 16], 3)
    assert "given; the plan: 16,16" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("geometry.patsh=[16, 16]", "unknown key geometry.patsh; did you mean patch?"),
        ("geometry.dims=5", "geometry.dims: Input should be 2 or 3"),
        ("training.batch=many", "training.batch: Input should be a valid integer"),
        ("training.batch=0", "training.batch: Input should be greater than or equal to 1"),
        ("nothing", "is not of the form table.key=value"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_read(setting: str, reason: str):
    with pytest.raises(RecipeError) as caught:
        plan("-a", "nowhere", "-b", "nowhere", "-o", "r.toml", "--set", setting)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("objective.kind=gan", "'gan' is unknown. Choose one of: pix2pix"),
        ("generator.kind=foo", "'foo' is unknown. Choose one of: residual_unet"),
        ('data.held_out=["nobody"]', "there is no case nobody"),
        ("data.validation=6", "nothing is left to train on"),
    ],
)
def test_what_a_training_would_refuse_is_not_planned(setting: str, reason: str):
    with pytest.raises(RecipeError) as caught:
        plan(*FOLDERS, "-o", "r.toml", "--set", setting)
    assert reason in str(caught.value)
    assert not Path("r.toml").exists()


def test_names_that_do_not_match_are_counted_and_the_way_out_is_told(data: Path):
    for path in sorted((data / "ct").iterdir()):
        path.rename(path.with_name(f"other-{path.name}"))
    with pytest.raises(PairingError, match=r"6 sources \(p0, p1, p2 and 3 more\), 6 targets \(other-p0,.*--unpaired"):
        plan(*FOLDERS, "-o", "r.toml")
    assert not Path("r.toml").exists()


def test_a_damaged_file_is_named_with_the_command_that_finds_them_all(data: Path):
    damaged = min((data / "ct").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(VolumeError, match=rf"{damaged.name}.*mtranslate check with the same -a and -b names every"):
        plan(*FOLDERS, "-o", "r.toml")


def test_a_recipe_that_is_there_stays():
    Path("r.toml").write_text("mine")
    with pytest.raises(TranslationError, match=r"r\.toml"):
        plan(*FOLDERS, "-o", "r.toml")
    assert Path("r.toml").read_text() == "mine"


def test_two_folders_are_needed():
    assert "Give two folders with -a and -b." in str(plan("-a", "data/mr", "-o", "r.toml").exception)
