from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

from modality_translate.errors import DeviceError, DeviceMemoryError, MissingExtraError, ModelError
from modality_translate.pipeline.spec import Spec, Tiling
from modality_translate.runtime import onnxruntime_engine
from modality_translate.runtime.engine import batch_within
from modality_translate.runtime.model_file import ModelFile, read_model
from modality_translate.runtime.onnxruntime_engine import open_onnxruntime

PATCHES = np.linspace(0, 1000, 2 * 8**3, dtype=np.float32).reshape(2, 1, 8, 8, 8)


class FakeSession:
    """Answers like a session whose CUDA provider was granted, or was not."""

    def __init__(self, granted: str, fails: str = "", holds: int = 1000) -> None:
        self.granted, self.fails, self.holds = granted, fails, holds
        self.shapes: list[tuple[int, ...]] = []

    def get_providers(self) -> list[str]:
        return [self.granted]

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="source", shape=["n", 1, 8, 8, 8], type="tensor(float)")]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name="synthetic", shape=["n", 1, 8, 8, 8], type="tensor(float)")]

    def run(self, names: list[str], feed: dict[str, Any]) -> list[Any]:
        if self.fails:
            raise RuntimeError(self.fails)
        if len(feed["source"]) > self.holds:
            raise RuntimeError("Failed to allocate memory for requested buffer\nmore")
        self.shapes.append(feed["source"].shape)
        return [feed["source"] + 1]


class FakeRuntime:
    """An onnxruntime with a GPU that works as `granted` says."""

    __version__ = "9.9"

    def __init__(self, granted: str = "CUDAExecutionProvider", fails: str = "", holds: int = 1000) -> None:
        self.granted, self.fails, self.holds = granted, fails, holds
        self.asked: list[Any] = []
        self.threads: list[int] = []
        self.session: FakeSession | None = None

    SessionOptions = SimpleNamespace

    def get_available_providers(self) -> list[str]:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def set_default_logger_severity(self, level: int) -> None:
        pass

    def preload_dlls(self) -> None:
        print("Failed to load libcublasLt.so.13: cannot open shared object file")

    def InferenceSession(self, data: bytes, sess_options: Any, providers: list[Any]) -> FakeSession:
        self.asked.append(providers)
        self.threads.append(sess_options.intra_op_num_threads)
        asked_cpu = providers[0] == "CPUExecutionProvider"
        self.session = FakeSession("CPUExecutionProvider" if asked_cpu else self.granted, self.fails, self.holds)
        return self.session


@pytest.fixture
def loaded(model: Path) -> ModelFile:
    return read_model(model)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeRuntime]:
    def install(**behaviour: Any) -> FakeRuntime:
        runtime = FakeRuntime(**behaviour)
        monkeypatch.setattr(onnxruntime_engine, "_onnxruntime", lambda: runtime)
        monkeypatch.setattr(onnxruntime_engine, "_driver_present", lambda: True)
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
    monkeypatch.setattr(onnxruntime_engine, "_driver_present", lambda: False)
    with pytest.raises(DeviceError, match=r"cuda:0: (has no NVIDIA driver|is not part of)"):
        open_onnxruntime(loaded, "cuda:0")


def test_a_silent_fall_back_to_the_cpu_is_an_error(loaded: ModelFile, fake: Callable[..., FakeRuntime], capfd: Any):
    fake(granted="CPUExecutionProvider")
    with pytest.raises(
        DeviceError, match=r"cuda:1: could not be started.*Not found: libcublasLt\.so\.13\. CUDA 13.*\[cuda\]"
    ):
        open_onnxruntime(loaded, "cuda:1")
    assert capfd.readouterr().out == ""


def test_cuda_gets_its_options_and_says_its_index(loaded: ModelFile, fake: Callable[..., FakeRuntime]):
    runtime = fake()
    assert open_onnxruntime(loaded, "cuda:2").device == "cuda:2"
    ((name, options),) = runtime.asked[0]
    assert name == "CUDAExecutionProvider"
    assert options["device_id"] == "2"
    assert options["use_tf32"] == "0"
    assert options["cudnn_conv_algo_search"] == "HEURISTIC"


def test_cuda_always_sees_the_same_batch(loaded: ModelFile, fake: Callable[..., FakeRuntime]):
    runtime = fake()
    opened = open_onnxruntime(loaded, "cuda:0")
    assert opened.predict(PATCHES).shape == PATCHES.shape
    assert runtime.session is not None
    assert runtime.session.shapes == [(opened.batch, 1, 8, 8, 8)]


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
    assert {shape[0] for shape in runtime.session.shapes} == {4}
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
