from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modality_translate.errors import DeviceError, MissingExtraError, ModelError, RecipeError
from modality_translate.pipeline.self_test import self_test_patch
from modality_translate.runtime import engine_choice, gpu_session, onnxruntime_engine, openvino_engine
from modality_translate.runtime.engine import Engine
from modality_translate.runtime.engine_cache import recall
from modality_translate.runtime.engine_choice import open_engine
from modality_translate.runtime.model_file import ModelFile, read_model


@pytest.fixture(autouse=True)
def _no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_session, "driver_present", lambda: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def loaded(model: Path) -> ModelFile:
    return read_model(model)


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], list[str]]:
    """Let a batch take onnxruntime and openvino so many seconds by a clock of ours; which ran is listed."""

    def install(onnxruntime: float, openvino: float) -> list[str]:
        ran: list[str] = []

        def seconds(engine: Engine, patches: Any) -> float:
            ran.append(engine.name.split()[0])
            return onnxruntime if ran[-1] == "onnxruntime" else openvino

        monkeypatch.setattr(engine_choice, "_seconds", seconds)
        return ran

    return install


def test_the_faster_engine_is_taken_told_and_remembered(loaded: ModelFile, timed: Callable[..., list[str]]):
    ran = timed(1.6, 1.0)
    opened = open_engine(loaded, "cpu", threads=1)
    assert opened.name.startswith("openvino ")
    assert opened.note.startswith("openvino 20")
    assert opened.note.endswith(": 1.60x onnxruntime on this model, measured")
    assert ran[1:5] == ["onnxruntime", "openvino"] * 2
    ran.clear()
    again = open_engine(loaded, "cpu", threads=1)
    assert (again.name, ran) == (opened.name, [])
    assert again.note == f"{opened.note} before"


def test_without_a_clear_gain_the_reference_stays(loaded: ModelFile, timed: Callable[..., list[str]]):
    timed(1.04, 1.0)
    opened = open_engine(loaded, "cpu", threads=1)
    assert opened.name.startswith("onnxruntime ")
    assert opened.note == "onnxruntime, because openvino is 1.04x onnxruntime on this model, measured"
    known = recall(loaded.sha256, 1)
    assert known is not None
    assert (known.faster, known.ratio) == ("onnxruntime", 1.04)


def test_a_model_that_is_quick_anyway_is_not_measured(loaded: ModelFile):
    opened = open_engine(loaded, "cpu", threads=1)
    assert (opened.name.split()[0], opened.note) == ("onnxruntime", "")
    assert recall(loaded.sha256, 1) is None


def test_an_engine_that_answers_wrongly_is_not_chosen(
    loaded: ModelFile, timed: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
):
    timed(1.6, 1.0)
    wrong = Engine("openvino 0", "cpu", 1, lambda patches: np.zeros_like(patches))
    monkeypatch.setattr(engine_choice, "open_openvino", lambda *_: wrong)
    opened = open_engine(loaded, "cpu", threads=1)
    assert opened.name.startswith("onnxruntime ")
    assert opened.note.startswith("onnxruntime, because openvino fails its self-test")
    assert recall(loaded.sha256, 1) is None


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_an_engine_that_is_named_is_taken_without_measuring(
    loaded: ModelFile, timed: Callable[..., list[str]], name: Any
):
    ran = timed(1.0, 1.0)
    opened = open_engine(loaded, "cpu", threads=1, engine=name)
    assert (opened.name.split()[0], opened.note, ran) == (name, "", [])
    expected = np.clip(self_test_patch(loaded.spec) * 2 - 1000, -1024, 3071)
    np.testing.assert_allclose(opened.predict(self_test_patch(loaded.spec)), expected, atol=1e-3)


def test_the_only_engine_installed_is_taken(loaded: ModelFile, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(openvino_engine, "installed", lambda: False)
        assert open_engine(loaded, "cpu", threads=1).name.startswith("onnxruntime ")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    monkeypatch.setattr(onnxruntime_engine, "installed", lambda: False)
    assert open_engine(loaded, "cpu", threads=1).name.startswith("openvino ")
    assert open_engine(loaded, "auto", threads=1).note == "CPU, because CUDA is not installed; it runs the models."
    with pytest.raises(MissingExtraError, match="onnxruntime: is not installed"):
        open_engine(loaded, "cuda", threads=1)


def test_auto_says_why_it_took_the_cpu(loaded: ModelFile):
    opened = open_engine(loaded, "auto", threads=1)
    assert opened.device == "cpu"
    assert opened.note.startswith("CPU, because CUDA ")


def test_cuda_without_a_driver_fails(loaded: ModelFile):
    with pytest.raises(DeviceError, match=r"cuda:0: (has no NVIDIA driver|is not part of)"):
        open_engine(loaded, "cuda")
    with pytest.raises(DeviceError, match="cuda:0: is not a device of openvino"):
        open_engine(loaded, "cuda", engine="openvino")


def test_openvino_needs_no_reason_for_the_cpu(loaded: ModelFile):
    opened = open_engine(loaded, "auto", threads=1, engine="openvino")
    assert (opened.device, opened.note) == ("cpu", "")


def test_a_damaged_model_is_not_taken_for_a_missing_gpu(loaded: ModelFile, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> Engine:
        raise ModelError("model.onnx", "cannot be loaded.")

    monkeypatch.setattr(engine_choice, "open_onnxruntime", broken)
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_engine(loaded, "auto")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cuda:1234", "cuda:²", "cpu:1", ""])
def test_an_unknown_device_is_refused(loaded: ModelFile, device: str):
    with pytest.raises(RecipeError, match="is not a device"):
        open_engine(loaded, device)


@pytest.mark.parametrize("threads", [0, -1])
def test_less_than_one_thread_is_refused(loaded: ModelFile, threads: int):
    with pytest.raises(RecipeError, match="is not a number of threads"):
        open_engine(loaded, "cpu", threads)


def test_an_unknown_engine_is_refused(loaded: ModelFile):
    with pytest.raises(RecipeError, match=r"torch: is not an engine\. Give auto, onnxruntime or openvino"):
        open_engine(loaded, "cpu", engine="torch")  # type: ignore[arg-type]


@pytest.mark.parametrize(("device", "tried"), [("auto", "cuda:0"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1")])
def test_tensorrt_never_becomes_another_engine(loaded: ModelFile, device: str, tried: str):
    with pytest.raises(DeviceError, match=rf"^{tried}: (has no NVIDIA driver|is not part of)"):
        open_engine(loaded, device, engine="tensorrt")
