from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from click.testing import CliRunner, Result

from modality_translate.cli.inspect import command
from modality_translate.errors import ModelError, NothingToDoError, RecipeError, RunError, VolumeError
from modality_translate.pipeline.spec import Spec

RECIPE = """
[data]
source = "a"
target = "b"
[source]
modality = "MR"
[target]
modality = "CT"
"""


def inspect(path: Path, *words: str) -> str:
    return CliRunner().invoke(command, [str(path), *words], catch_exceptions=False).stdout


def as_json(path: Path) -> dict[str, Any]:
    found = json.loads(inspect(path, "--json"))
    assert isinstance(found, dict)
    return found


def test_a_volume_says_its_grid_and_range(scans: Path):
    found = as_json(scans / "a.nii.gz")
    assert (found["kind"], found["shape"], found["orientation"]) == ("volume", [13, 12, 11], "LPS")
    assert found["spacing_mm"] == [2.0, 2.0, 3.0]
    assert found["range"][0] >= 0
    assert found["range"][1] == pytest.approx(420, abs=1)
    assert "not CT" in found["modality"]
    assert "orientation: LPS" in inspect(scans / "a.nii.gz").splitlines()


def test_a_model_says_its_contract(model: Path, spec: Spec):
    found = as_json(model)
    assert (found["kind"], found["name"], found["intact"]) == ("model", "tiny", True)
    assert Spec.model_validate(found["spec"]) == spec
    text = inspect(model)
    assert "    modality: MR" in text.splitlines()
    assert "card: A card." in text.splitlines()


def test_a_recipe_says_its_settings(tmp_path: Path):
    (tmp_path / "mine.toml").write_text(RECIPE)
    found = as_json(tmp_path / "mine.toml")
    assert (found["kind"], found["name"], found["objective"]["kind"]) == ("recipe", "mine", "pix2pix")


def test_a_run_says_how_far_it_came(tmp_path: Path, spec: Spec):
    (tmp_path / "recipe.toml").write_text(RECIPE)
    (tmp_path / "metrics.csv").write_text("step,mae\n10,90.5\n20,80.25\n")
    (tmp_path / "spec.json").write_text(spec.model_copy(update={"accuracy": {"mae": 80.25}}).model_dump_json())
    (tmp_path / "averaged.safetensors").write_bytes(b"")
    found = as_json(tmp_path)
    assert (found["kind"], found["direction"], found["weights"]) == ("run", "MR to CT", "present")
    assert found["last"] == {"step": "20", "mae": "80.25"}
    assert found["accuracy"] == {"mae": 80.25}


def test_damage_is_told_in_the_class_of_the_thing(tmp_path: Path, scans: Path, model: Path):
    (tmp_path / "bad.toml").write_text("[[[")
    model.write_bytes(model.read_bytes()[:-3])
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.toml").write_text(RECIPE)
    (run / "spec.json").write_text("{")
    for path, kind in (
        (scans / "b" / "damaged.nii.gz", VolumeError),
        (model, ModelError),
        (tmp_path / "bad.toml", RecipeError),
        (run, RunError),
        (scans, RunError),
        (tmp_path / "none", NothingToDoError),
    ):
        with pytest.raises(kind, match=path.name.partition(".")[0]):
            inspect(path)


def test_several_paths_are_told_one_after_the_other(scans: Path, model: Path):
    run = CliRunner().invoke(command, [str(scans / "a.nii.gz"), str(model), "--json"])
    assert [found["kind"] for found in json.loads(run.stdout)] == ["volume", "model"]


def test_one_bad_path_of_several_does_not_hide_the_others(scans: Path, model: Path):
    paths = [str(scans / "b" / "damaged.nii.gz"), str(model), str(scans / "absent.nii")]
    run = CliRunner().invoke(command, [*paths, "--json"], standalone_mode=False)
    found = json.loads(run.stdout)
    assert [one["kind"] for one in found] == ["unreadable", "model", "unreadable"]
    assert [one["path"] for one in found] == paths
    assert found[2]["reason"] == "there is no such file or folder."
    assert run.return_value == NothingToDoError.exit_code


def validate(*words: str) -> Result:
    return CliRunner().invoke(command, ["--validate", *words], catch_exceptions=False, standalone_mode=False)


def test_validating_prints_a_table_and_code_4_when_one_of_the_files_fails(model: Path, tmp_path: Path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(model.read_bytes()[:-1] + b"!")
    assert validate(str(model)).return_value == 0
    run = validate(str(model), str(broken))
    assert run.return_value == 4
    assert f"{model}: valid" in run.stdout.splitlines()
    assert f"{broken}: NOT VALID" in run.stdout.splitlines()
    assert any(line.split()[:2] == ["hash", "failed"] for line in run.stdout.splitlines())


def test_validating_tells_machines_the_same(model: Path, tmp_path: Path):
    run = validate(str(model), str(tmp_path / "none.onnx"), "--json")
    sound, missing = json.loads(run.stdout)
    assert sound["valid"]
    assert {check["result"] for check in sound["checks"]} == {"passed"}
    assert not missing["valid"]
    assert missing["checks"][0]["reason"] == "there is no such model file."


def test_what_a_model_says_cannot_drive_the_terminal(seal: Callable[..., Path], graph: onnx.ModelProto, spec: Spec):
    wild = {"name": "a\x1b[2J", "accuracy": {"\x1b]0;title\x07": 1.0}, "versions": {"x": "\r\x9b31m"}}
    path = seal(graph, spec.model_copy(update=wild))
    for text in (inspect(path), validate(str(path)).stdout):
        assert all(c.isprintable() for c in text.replace("\n", ""))


def test_inspecting_never_imports_torch(model: Path):
    code = f"""
import sys
from click.testing import CliRunner
from modality_translate.cli.inspect import command
assert CliRunner().invoke(command, [{str(model)!r}]).exit_code == 0
print([m for m in ("torch", "monai", "onnx", "onnxruntime") if m in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
