from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from modality_translate.cli.export import command
from modality_translate.errors import MissingExtraError
from modality_translate.exporting import export
from modality_translate.exporting.card import Statement
from modality_translate.exporting.parity import Parity


def test_the_run_is_exported_and_the_proof_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    asked: list[Any] = []

    def fake(*arguments: Any) -> Any:
        asked.extend(arguments)
        spec = SimpleNamespace(name="tiny")
        return SimpleNamespace(path=arguments[1], spec=spec, size=2**21, parities=(Parity("engine", 0.1, 0.01, "HU"),))

    monkeypatch.setattr(export, "export_run", fake)
    words = [
        str(tmp_path),
        "-o",
        "m.onnx",
        "--direction",
        "backward",
        "--author",
        "A",
        "--license",
        "MIT",
        "--data",
        "Ours.",
        "--limits",
        "Knees.",
        "--precision",
        "int8",
        "--calibrate",
        str(tmp_path),
        "--overwrite",
    ]
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0
    assert result.stdout == "m.onnx: tiny, 2.0 MB\n"
    assert result.stderr == "engine: largest difference 0.1 HU, mean 0.01\n"
    statement = Statement("A", "MIT", "Ours.", "Knees.")
    assert asked == [tmp_path, Path("m.onnx"), "backward", True, statement, "int8", tmp_path]


def test_without_the_training_extra_the_pip_line_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("modality_translate.exporting")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError, match=r"export: needs the package torch.*modality-translate\[train\]"):
        CliRunner().invoke(command, [str(tmp_path), "-o", "m.onnx"], catch_exceptions=False)


def test_the_model_is_also_laid_out_for_triton(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: Path):
    report = SimpleNamespace(path=model, spec=SimpleNamespace(name="tiny"), size=2**20, parities=())
    monkeypatch.setattr(export, "export_run", lambda *_: report)
    words = [str(tmp_path), "-o", str(model), "--triton", str(tmp_path / "repository")]
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"{tmp_path / 'repository' / 'tiny'}: for Triton"
    assert (tmp_path / "repository" / "tiny" / "1" / "model.onnx").read_bytes() == model.read_bytes()
