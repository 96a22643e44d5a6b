from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
import torch

from modality_translate.errors import ModelError, RunError, TranslationError
from modality_translate.exporting import export
from modality_translate.exporting.card import Statement
from modality_translate.exporting.export import ExportReport, export_run
from modality_translate.networks import ScaledGenerator
from modality_translate.pipeline.translate import translate
from modality_translate.runtime.model_file import read_model
from modality_translate.runtime.translator import Translator
from modality_translate.volumes import Volume


def test_an_exported_run_translates_as_the_network_does(exported: ExportReport, network: ScaledGenerator, head: Volume):
    def predict(patches: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(patches)).numpy()

    wanted = translate(head, exported.spec, predict).array
    found = Translator.load(exported.path, device="cpu").translate(head).array
    assert wanted.std() > 1
    assert np.abs(found - wanted).max() <= 1.0
    assert np.abs(found - wanted).mean() <= 0.05


def test_the_report_says_size_and_proof(exported: ExportReport):
    assert exported.size == exported.path.stat().st_size
    assert all(parity.largest <= 1.0 and parity.mean <= 0.05 for parity in exported.parities)


def test_the_file_carries_the_runs_contract(exported: ExportReport):
    model = read_model(exported.path)
    assert model.spec == exported.spec
    assert model.spec.tiling.patch == (16, 24, 3)
    assert model.spec.accuracy == {"cases": 2.0, "mae": 66.125}
    assert model.spec.self_test is not None
    assert {"mtranslate", "torch", "opset"} <= set(model.spec.versions)
    assert "6 source volumes" in model.card
    assert (model.author, model.licence) == ("A. Author", "CC-BY-4.0")


def test_the_file_tells_nothing_of_its_machine(exported: ExportReport):
    data = exported.path.read_bytes()
    for word in ("/work", "/root", "/home", "/tmp", "site-packages", "pytest", socket.gethostname()):
        assert word.encode() not in data


def test_the_same_run_gives_the_same_bytes_and_replaces_only_when_asked(
    exported: ExportReport, forward_run: Path, tmp_path: Path
):
    out = tmp_path / "again.onnx"
    out.write_bytes(b"mine")
    with pytest.raises(TranslationError, match="is already there"):
        export_run(forward_run, out)
    assert out.read_bytes() == b"mine"
    export_run(forward_run, out, overwrite=True, statement=Statement("A. Author", "CC-BY-4.0"))
    assert out.read_bytes() == exported.path.read_bytes()


def test_nothing_is_written_without_proof(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise ModelError("model", "differs.")

    monkeypatch.setattr(export, "prove_parity", refuse)
    with pytest.raises(ModelError, match="differs"):
        export_run(run, tmp_path / "model.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_backward_swaps_the_roles(run: Path, tmp_path: Path):
    spec = export_run(run, tmp_path / "back.onnx", "backward").spec
    assert (spec.name, spec.source.modality, spec.target.modality) == ("mr-to-ct-backward", "CT", "MR")


def test_a_direction_that_was_not_learnt_is_refused(forward_run: Path, tmp_path: Path):
    with pytest.raises(RunError, match=r"has no weights for backward \(forward\)"):
        export_run(forward_run, tmp_path / "back.onnx", "backward")


def test_weights_of_another_recipe_are_refused(run: Path, tmp_path: Path):
    recipe = run / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("width = 4", "width = 5"))
    with pytest.raises(RunError, match="do not fit its recipe"):
        export_run(run, tmp_path / "model.onnx")
