from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from modality_translate.errors import ModelError
from modality_translate.exporting import export, precision
from modality_translate.exporting.export import export_run
from modality_translate.exporting.precision import gate
from modality_translate.pipeline.spec import Channel, Spec
from modality_translate.runtime.model_file import read_model
from modality_translate.runtime.translator import Translator
from modality_translate.volumes import Volume


@pytest.fixture(autouse=True)
def _built_once(whole: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing the graph takes longer than all else."""
    monkeypatch.setattr(export, "build_graph", lambda *_: copy.deepcopy(whole))


def test_the_gate_is_2_hu_or_half_a_percent_of_the_window(spec: Spec):
    assert gate(spec) == pytest.approx(2.0)
    assert gate(spec.model_copy(update={"target": Channel.of("MR")})) == pytest.approx(5.0)


@pytest.mark.parametrize("name", ["fp16", "int8"])
def test_a_variant_is_written_with_its_measured_error(
    name: Any, forward_run: Path, scans_of_heads: Path, tmp_path: Path, head: Volume, monkeypatch: pytest.MonkeyPatch
):
    # Random weights are no translator: their int8 error is large.
    monkeypatch.setattr(precision, "GATE", 0.25)
    exact = export_run(forward_run, tmp_path / "fp32.onnx")
    variant = export_run(forward_run, tmp_path / f"{name}.onnx", precision=name, calibrate=scans_of_heads)
    model = read_model(variant.path)
    assert model.spec.precision == name
    assert model.spec.precision_error is not None
    assert 0 < model.spec.precision_error <= 100
    assert f"Precision\n  {name}. On real volumes its output differs from the fp32 model's by " in model.card
    for engine in ("onnxruntime", "openvino"):
        synthetic = Translator.load(variant.path, device="cpu", threads=1, engine=engine).translate(head)
        wanted = Translator.load(exact.path, device="cpu", threads=1, engine=engine).translate(head)
        assert 0 < np.abs(synthetic.array - wanted.array).mean() < 100
    assert "precision" not in exact.spec.canonical_json()
    assert read_model(exact.path).spec.precision == "fp32"


def test_above_the_gate_nothing_is_written(
    forward_run: Path, scans_of_heads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(precision, "GATE", 1e-9)
    with pytest.raises(ModelError, match=r"fp16 differs from fp32 by more than 4e-07 HU on average \(onnxruntime"):
        export_run(forward_run, tmp_path / "m.onnx", precision="fp16", calibrate=scans_of_heads)
    assert not (tmp_path / "m.onnx").exists()
