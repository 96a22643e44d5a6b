from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from modality_translate.errors import DeviceError
from modality_translate.runtime import gpu_session
from modality_translate.runtime.gpu_session import cuda_session, tensorrt_session, tensorrt_version

from .fake_onnxruntime import CPU, CUDA, TENSORRT, FakeRuntime


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_session, "driver_present", lambda: True)


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """TensorRT as its wheel lays it down; what is loaded is listed."""
    (tmp_path / "tensorrt_libs").mkdir()
    (tmp_path / "tensorrt_libs" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    loaded: list[str] = []

    def load(name: str) -> SimpleNamespace:
        loaded.append(name)
        return SimpleNamespace(getInferLibVersion=lambda: 101303)

    monkeypatch.setattr(gpu_session, "_loaded", load)
    return loaded


def test_tensorrt_s_libraries_come_from_its_wheel_in_the_order_of_their_need(wheel: list[str], tmp_path: Path):
    session = tensorrt_session(FakeRuntime(granted=TENSORRT), b"", 0, "model.onnx")
    assert session.get_providers() == [TENSORRT]
    names = {"linux": ["libnvinfer.so.10", "libnvonnxparser.so.10"]}.get(sys.platform, wheel)
    assert wheel == [str(tmp_path / "tensorrt_libs" / name) for name in names]


def test_the_version_is_the_library_s_own(wheel: list[str]):
    assert tensorrt_version() == "10.13.3"


def test_without_tensorrt_its_libraries_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gpu_session, "_library", lambda name: None)
    assert tensorrt_version() == ""
    missing = r"Not found: libcublasLt\.so\.13, \S*nvinfer\S+, \S*nvonnxparser\S+\. TensorRT 10"
    with pytest.raises(DeviceError, match=missing):
        tensorrt_session(FakeRuntime(granted=CUDA), b"", 0, "model.onnx")


def test_the_cpu_is_never_taken_for_the_gpu(capfd: pytest.CaptureFixture[str]):
    with pytest.raises(DeviceError, match=r"cuda:3: could not be started.*Not found: libcublasLt\.so\.13\. CUDA 13"):
        cuda_session(FakeRuntime(granted=CPU), b"", 3, "model.onnx")
    assert capfd.readouterr() == ("", "")


def test_an_onnxruntime_without_the_provider_says_which_to_install(monkeypatch: pytest.MonkeyPatch):
    runtime = FakeRuntime()
    monkeypatch.setattr(runtime, "get_available_providers", lambda: [CPU])
    with pytest.raises(DeviceError, match=r"is not part of the installed onnxruntime.*\[gpu\]"):
        tensorrt_session(runtime, b"", 0, "model.onnx")
