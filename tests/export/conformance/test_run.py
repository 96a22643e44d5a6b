from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import nibabel
import numpy as np
import pytest

AFFINE = np.diag([-2.0, 2.0, 3.0, 1.0])
Save = Callable[..., Path]


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return path


def python(script: str) -> str:
    """A host that runs `script`."""
    return f"{sys.executable} -c '{script}' {{model}} {{input}} {{output}}"


@pytest.fixture
def values() -> np.ndarray:
    return np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.fixture
def small_kit(tmp_path: Path, values: np.ndarray) -> Path:
    """One case, whose target ranges from 0 to 1000."""
    save(tmp_path / "expected.nii", values)
    case = {"model": "m.onnx", "input": "expected.nii", "expected": "expected.nii", "range": [0, 1000]}
    (tmp_path / "kit.json").write_text(json.dumps({"kit": 1, "cases": [case]}))
    return tmp_path


def only_result(run: ModuleType, kit: Path, write: Callable[[Path], object]):
    def host(model: Path, source: Path, output: Path) -> str:
        write(output)
        return ""

    (result,) = run.run_kit(kit, host)
    return result


def test_the_same_volume_passes(run: ModuleType, small_kit: Path, values: np.ndarray):
    result = only_result(run, small_kit, lambda output: save(output, values))
    assert result.passed
    assert result.difference == 0


def test_a_difference_within_half_a_thousandth_of_the_range_passes(run: ModuleType, small_kit: Path, values):
    assert only_result(run, small_kit, lambda output: save(output, values + np.float32(0.49))).passed
    far = only_result(run, small_kit, lambda output: save(output, values + np.float32(0.51)))
    assert far.problem == "0.051 % of the range different"


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (lambda output: None, "wrote nothing"),
        (lambda output: output.write_bytes(b"no volume"), "cannot be read"),
        (lambda output: save(output, np.zeros((2, 3, 5), np.float32)), "shape"),
        (lambda output: save(output, np.zeros((2, 3, 4), np.int16)), "int16 where float32"),
        (lambda output: save(output, np.full((2, 3, 4), np.nan, np.float32)), "different"),
        (lambda output: save(output, np.zeros((2, 3, 4), np.float32), AFFINE + 1e-6 * np.eye(4)), "affine is off"),
    ],
)
def test_every_other_output_fails(run: ModuleType, small_kit: Path, write: Callable[[Path], object], problem: str):
    assert problem in only_result(run, small_kit, write).problem


def test_a_host_that_ends_with_an_error_is_quoted(run: ModuleType, small_kit: Path):
    host = run.command_host(
        f"{sys.executable} -c 'import sys; sys.exit(\"no such model\")' {{model}} {{input}} {{output}}"
    )
    (result,) = run.run_kit(small_kit, host)
    assert result.problem == "ended with 1: no such model"


def test_a_host_that_hangs_is_stopped(run: ModuleType, small_kit: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "PATIENCE", 0.3)
    host = run.command_host(python("import time; time.sleep(60)"))
    (result,) = run.run_kit(small_kit, host)
    assert "timed out" in result.problem


def test_the_command_prints_a_table_and_tells_by_its_exit_code(
    run: ModuleType, small_kit: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    copy = python("import shutil, sys; shutil.copy(sys.argv[2], sys.argv[3])")
    monkeypatch.setattr("sys.argv", ["run.py", "--host", copy, str(small_kit)])
    with pytest.raises(SystemExit) as ended:
        run.main()
    assert not ended.value.code
    assert capsys.readouterr().out.splitlines()[1].split() == ["m", "1", "1", "1", "0.00000", "%"]
    monkeypatch.setattr("sys.argv", ["run.py", "--host", "false {model} {input} {output}", str(small_kit)])
    with pytest.raises(SystemExit) as ended:
        run.main()
    assert ended.value.code == 1
    assert "FAILED m/expected: ended with 1" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--host", "host", "."], ["--host", "{model} {input} {output}", "/nowhere"]])
def test_wrong_usage_is_told(run: ModuleType, monkeypatch: pytest.MonkeyPatch, arguments: list[str]):
    monkeypatch.setattr("sys.argv", ["run.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        run.main()
    assert ended.value.code == 2
