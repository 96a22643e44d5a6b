from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from modality_translate.errors import DeviceError, DeviceMemoryError, MissingExtraError, ModelError
from modality_translate.pipeline.spec import Spec, Tiling
from modality_translate.runtime import gpu_session, onnxruntime_engine
from modality_translate.runtime.engine import batch_within
from modality_translate.runtime.model_file import ModelFile, read_model
from modality_translate.runtime.onnxruntime_engine import open_onnxruntime, open_tensorrt

from .fake_onnxruntime import CPU, CUDA, TENSORRT, FakeRuntime

PATCHES = np.linspace(0, 1000, 2 * 8**3, dtype=np.float32).reshape(2, 1, 8, 8, 8)


@pytest.fixture
def loaded(model: Path) -> ModelFile:
    return read_model(model)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeRuntime]:
    def install(**behaviour: Any) -> FakeRuntime:
        runtime = FakeRuntime(**behaviour)
        monkeypatch.setattr(onnxruntime_engine, "_onnxruntime", lambda: runtime)
        monkeypatch.setattr(gpu_session, "driver_present", lambda: True)
        return runtime

    return install


def test_the_cpu_engine_computes_the_graph(loaded: ModelFile):
    opened = open_onnxruntime(loaded, "cpu", threads=1)
    assert opened.device == "cpu"
    assert opened.name.startswith("onnxruntime ")
    np.testing.assert_allclose(opened.predict(PATCHES), PATCHES * 2 - 1000, atol=1e-3)


@pytest.mark.parametrize(
    ("device", "threads", "pool", "streams"),
    [("cpu", 1, 1, 1), ("cpu", 2, 1, 2), ("cpu", 6, 5, 2), ("cpu", None, 3, 2), ("cuda:0", None, 0, 1)],
)
def test_streams_and_the_pool_take_the_cores_together(
    loaded: ModelFile, fake, monkeypatch: pytest.MonkeyPatch, device: str, threads: int | None, pool: int, streams: int
):
    """The pool's number counts the thread that calls."""
    for module in ("streams", "onnxruntime_engine"):
        monkeypatch.setattr(f"modality_translate.runtime.{module}.whole_cores", lambda: 4)
    runtime = fake()
    assert open_onnxruntime(loaded, device, threads).streams == streams
    assert runtime.threads == [pool]


def test_cuda_without_a_driver_fails(loaded: ModelFile, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gpu_session, "driver_present", lambda: False)
    with pytest.raises(DeviceError, match=r"cuda:0: (has no NVIDIA driver|is not part of)"):
        open_onnxruntime(loaded, "cuda:0")


def test_a_silent_fall_back_to_the_cpu_is_an_error(loaded: ModelFile, fake: Callable[..., FakeRuntime], capfd: Any):
    fake(granted=CPU)
    with pytest.raises(
        DeviceError, match=r"cuda:1: could not be started.*Not found: libcublasLt\.so\.13\. CUDA 13.*\[cuda\]"
    ):
        open_onnxruntime(loaded, "cuda:1")
    assert capfd.readouterr().out == ""


def test_cuda_gets_its_options_and_says_its_index(loaded: ModelFile, fake: Callable[..., FakeRuntime]):
    runtime = fake()
    assert open_onnxruntime(loaded, "cuda:2").device == "cuda:2"
    ((name, options),) = runtime.asked[0]
    assert name == CUDA
    assert options["device_id"] == "2"
    assert options["use_tf32"] == "0"
    assert options["cudnn_conv_algo_search"] == "HEURISTIC"
    assert options["enable_cuda_graph"] == "1"


def test_cuda_always_sees_the_same_batch(loaded: ModelFile, fake: Callable[..., FakeRuntime]):
    """But for the patch that proves that replays are right."""
    runtime = fake()
    opened = open_onnxruntime(loaded, "cuda:0")
    np.testing.assert_array_equal(opened.predict(PATCHES), PATCHES + 1)
    assert runtime.session is not None
    assert set(runtime.session.shapes) == {(1, 1, 8, 8, 8), (opened.batch, 1, 8, 8, 8)}
    assert opened.note == ""


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"refuses": "This session cannot use the graph capture feature\nmore"}, "This session cannot use the graph"),
        ({"stale": True}, "replayed another answer."),
    ],
)
def test_where_recording_fails_cuda_runs_without_and_says_so(loaded: ModelFile, fake, behaviour: Any, reason: str):
    runtime = fake(**behaviour)
    opened = open_onnxruntime(loaded, "cuda:0")
    assert opened.device == "cuda:0"
    assert opened.note.startswith("CUDA graphs are off: ")
    assert reason in opened.note
    np.testing.assert_array_equal(opened.predict(PATCHES), PATCHES + 1)
    assert [asked[0][1]["enable_cuda_graph"] for asked in runtime.asked] == ["1", "0"]


@pytest.mark.parametrize(("precision", "flags"), [("fp32", "00"), ("fp16", "10"), ("int8", "01")])
def test_tensorrt_keeps_its_engine_by_model_and_leaves_the_rest_to_cuda(
    loaded: ModelFile, fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, precision: str, flags: str
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    runtime = fake(granted=TENSORRT)
    model = replace(loaded, spec=loaded.spec.model_copy(update={"precision": precision}))
    opened = open_tensorrt(model, "cuda:1")
    assert opened.device == "cuda:1"
    ((name, options), (rest, for_rest)) = runtime.asked[0]
    assert (name, rest) == (TENSORRT, CUDA)
    assert options["device_id"] == for_rest["device_id"] == "1"
    assert options["trt_fp16_enable"] + options["trt_int8_enable"] == flags
    kept = Path(options["trt_engine_cache_path"])
    assert kept.is_dir()
    assert kept.is_relative_to(tmp_path / "mtranslate" / "tensorrt")
    assert kept.name.startswith(loaded.sha256)
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"
    np.testing.assert_array_equal(opened.predict(PATCHES), PATCHES + 1)
    assert runtime.session is not None
    assert runtime.session.shapes == [(opened.batch, 1, 8, 8, 8)]


def test_tensorrt_without_a_cache_folder_builds_each_time(loaded: ModelFile, fake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/no-folder")
    runtime = fake(granted=TENSORRT)
    open_tensorrt(loaded, "cuda:0")
    assert "trt_engine_cache_enable" not in runtime.asked[0][0][1]


@pytest.mark.parametrize("granted", [CUDA, CPU])
def test_tensorrt_that_is_not_granted_is_an_error(loaded: ModelFile, fake, granted: str):
    """onnxruntime falls back to CUDA, or to the CPU, and says nothing."""
    fake(granted=granted)
    with pytest.raises(DeviceError, match=r"cuda:0: could not be started.*TensorRT 10 is needed.*\[cuda,tensorrt\]"):
        open_tensorrt(loaded, "cuda:0")


def test_tensorrt_has_no_cpu(loaded: ModelFile):
    with pytest.raises(DeviceError, match="cpu: is not a device of TensorRT"):
        open_tensorrt(loaded, "cpu")


def test_large_patches_make_small_batches(loaded: ModelFile):
    huge = loaded.spec.model_copy(update={"tiling": Tiling(patch=(256, 256, 256))})
    assert batch_within(huge, 16, 2**23) == 1
    assert open_onnxruntime(loaded, "cpu").batch == 4


def test_a_device_out_of_memory_gets_fewer_patches_and_says_so(loaded: ModelFile, fake: Callable[..., FakeRuntime]):
    runtime = fake(holds=5)
    opened = open_onnxruntime(loaded, "cuda:0")
    assert (opened.batch, opened.note) == (16, "")
    many = np.repeat(PATCHES, 5, axis=0)
    np.testing.assert_array_equal(opened.predict(many), many + 1)
    assert runtime.session is not None
    assert {shape[0] for shape in runtime.session.shapes} == {1, 4}
    assert opened.note == "The device's memory holds 4 patches at once, not 16."


def test_a_device_too_small_for_one_patch_is_told(loaded: ModelFile, fake: Callable[..., FakeRuntime]):
    fake(holds=0)
    with pytest.raises(DeviceMemoryError, match=r"one patch does not fit into memory \(Failed to allocate memory"):
        open_onnxruntime(loaded, "cuda:0").predict(PATCHES)


def test_a_broken_device_is_told_without_another_try(loaded: ModelFile, fake: Callable[..., FakeRuntime]):
    fake(fails="CUDA failure 700: an illegal memory access\nmore")
    with pytest.raises(DeviceError, match=r"the device stopped \(CUDA failure 700"):
        open_onnxruntime(loaded, "cuda:0").predict(PATCHES)


def test_a_graph_that_cannot_run_is_refused(loaded: ModelFile, fake: Callable[..., FakeRuntime]):
    fake(fails="Invalid rank")
    with pytest.raises(ModelError, match=r"model\.onnx: cannot be run \(Invalid rank\)"):
        open_onnxruntime(loaded, "cpu").predict(PATCHES)


def test_without_onnxruntime_the_pip_line_is_named(loaded: ModelFile, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'modality-translate\[cpu\]'"):
        open_onnxruntime(loaded, "cpu")


def test_a_graph_that_does_not_fit_its_spec_is_refused(seal: Callable[..., Path], graph: onnx.ModelProto, spec: Spec):
    other = spec.model_copy(update={"tiling": Tiling(patch=(8, 8, 16))})
    with pytest.raises(ModelError, match="its graph has the ports"):
        open_onnxruntime(replace(read_model(seal(graph)), spec=other), "cpu")


def test_a_graph_that_does_not_load_is_refused(seal: Callable[..., Path], graph: onnx.ModelProto, capfd: Any):
    graph.graph.node[0].op_type = "Conv"
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_onnxruntime(read_model(seal(graph)), "cpu")
    assert capfd.readouterr() == ("", "")
