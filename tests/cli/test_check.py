from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy import ndimage

from modality_translate.cli.check import command
from modality_translate.errors import NothingToDoError, PairingError, RecipeError
from modality_translate.volumes import Volume, write_volume

SHAPE = (40, 40, 32)
CONTRAST = {"mr": [0.0, 900.0, 400.0, 0.0], "ct": [-1000.0, -100.0, 50.0, 800.0]}
FOLDERS = ("-a", "mr", "-b", "ct")


def check(*words: str) -> Result:
    return CliRunner().invoke(command, words, standalone_mode=False)


def write(path: Path, seed: int, shift: float = 0.0) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), 3, mode="wrap")
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    labels = (1 + np.digitize(noise / noise.std(), [-0.4, 0.6])) * ((place[:2] ** 2).sum(axis=0) < 0.8)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[0, 3] = shift
    path.parent.mkdir(exist_ok=True)
    values = np.array(CONTRAST[path.parent.name])[labels] + np.random.default_rng(seed).normal(0, 5, SHAPE)
    write_volume(path, Volume.of(values, affine))


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """mr/a.nii, mr/b.nii and their ct/ partners, in the working folder."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate("ab"):
        for side in CONTRAST:
            write(Path(side, f"{name}.nii"), seed)
    return tmp_path


def test_good_folders_exit_with_0_and_a_line_for_each_pair():
    result = check(*FOLDERS, "--from", "mr", "--to", "CT")
    assert result.return_value == 0, result.output
    words = result.stdout.splitlines()[1].split()
    assert words[:5] == ["a", "ok", "40x40x32", "2x2x2", "RAS"]
    assert result.stdout.splitlines()[-1] == "2 cases, MR to CT: 2 ok"
    assert "checked 2 of 2" in result.stderr


def test_pairs_that_are_not_ok_exit_with_8_and_are_named():
    write(Path("mr/far.nii"), 3)
    write(Path("ct/far.nii"), 3, shift=8.0)
    write(Path("mr/broken.nii"), 4)
    Path("ct/broken.nii").write_bytes(b"no volume")
    write(Path("mr/alone.nii"), 5)
    result = check(*FOLDERS, "-q", "--json", "out.json")
    assert result.return_value == 8
    assert "1 sources without a target are left out: alone" in result.stdout
    assert "bad: far" in result.stdout
    assert "error: broken" in result.stdout
    assert "pairs.csv" in result.stdout
    assert result.stderr == ""
    found: dict[str, Any] = json.loads(Path("out.json").read_text())
    assert found["verdicts"] == {"ok": 2, "error": 1, "bad": 1}
    far = next(case for case in found["cases"] if case["name"] == "far")
    assert far["misalignment"]["shift"][0] == pytest.approx(8, abs=1)
    assert str(Path.cwd()) not in Path("out.json").read_text()


def test_a_recipe_brings_the_modalities_and_the_split():
    Path("r.toml").write_text(
        '[data]\nsource = "mr"\ntarget = "ct"\nvalidation = 0\nheld_out = ["b"]\n'
        '[source]\nmodality = "MR"\n[target]\nmodality = "CT"\n'
    )
    result = check("r.toml")
    assert result.return_value == 0, result.output
    assert [line.split()[:3] for line in result.stdout.splitlines()[1:3]] == [
        ["a", "ok", "train"],
        ["b", "ok", "held_out"],
    ]


def test_a_csv_pairs_what_names_do_not():
    Path("ct/b.nii").rename("ct/other.nii")
    Path("pairs.csv").write_text("case,source,target\np1,mr/a.nii,ct/a.nii\np2,mr/b.nii,ct/other.nii\n")
    result = check("--pairs", "pairs.csv")
    assert result.return_value == 0, result.output
    assert [line.split()[0] for line in result.stdout.splitlines()[1:3]] == ["p1", "p2"]


def test_names_that_do_not_match_are_told_and_never_paired():
    for name in "ab":
        Path(f"ct/{name}.nii").rename(f"ct/{name}{name}.nii")
    error = check(*FOLDERS).exception
    assert isinstance(error, PairingError)
    assert "2 sources (a, b), 2 targets (aa, bb)" in str(error)
    assert "pairs.csv" in str(error)
    assert "--unpaired" in str(error)
    assert check(*FOLDERS, "--unpaired").return_value == 0


def test_an_empty_folder_is_nothing_found():
    Path("empty").mkdir()
    error = check("-a", "empty", "-b", "ct").exception
    assert isinstance(error, NothingToDoError)
    assert error.exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "Give a RECIPE, two folders"),
        (("-a", "mr"), "Give a RECIPE, two folders"),
        (("r.toml", *FOLDERS), "not both"),
        (("r.toml", "--unpaired"), "not both"),
        (("--pairs", "pairs.csv", *FOLDERS), "leave -a and -b out"),
    ],
)
def test_options_that_do_not_fit_together_are_a_usage_error(arguments: tuple[str, ...], reason: str):
    assert reason in str(check(*arguments).exception)


def test_a_phantom_recipe_has_nothing_to_check():
    Path("r.toml").write_text('[data.phantom]\n[source]\nmodality = "MR"\n[target]\nmodality = "CT"\n')
    assert isinstance(check("r.toml").exception, RecipeError)


def test_an_existing_result_is_kept():
    Path("out.json").write_text("mine")
    assert "exists already" in str(check(*FOLDERS, "--json", "out.json").exception)
    assert Path("out.json").read_text() == "mine"
