"""onnxruntime behind the engine seam, on the CPU or on a GPU, by CUDA or by TensorRT."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from modality_translate.errors import DeviceError, MissingExtraError, ModelError
from modality_translate.pipeline.self_test import self_test_patch
from modality_translate.runtime.cores import whole_cores
from modality_translate.runtime.engine import (
    Array,
    Engine,
    Port,
    Predict,
    batch_within,
    check_ports,
    running_error,
)
from modality_translate.runtime.gpu_session import cuda_session, tensorrt_session, tensorrt_version
from modality_translate.runtime.halving import Halving
from modality_translate.runtime.model_file import ModelFile
from modality_translate.runtime.onnxruntime_session import CPU, new_session
from modality_translate.runtime.recorded import Recorded
from modality_translate.runtime.streams import Streams, streams_for
from modality_translate.telemetry import import_onnxruntime

_LARGEST_BATCH = {"cpu": 4, "cuda": 16}
_BATCH_VOXELS = {"cpu": 2**20, "cuda": 2**23}
_TEST_MODEL = "the built-in test model"
_NO_ENGINE = "Install one of them (never both): pip install 'modality-translate[cpu]' or 'modality-translate[gpu]'"


def installed() -> bool:
    """Whether onnxruntime can be imported."""
    return importlib.util.find_spec("onnxruntime") is not None


def open_onnxruntime(model: ModelFile, device: str, threads: int | None = None) -> Engine:
    """`model` on "cpu" or "cuda:N", with `threads` CPU threads (all cores when None).

    Raises `DeviceError` for a GPU that cannot be used, `MissingExtraError` without onnxruntime, and `ModelError` for a
    graph that does not load or does not fit its spec.
    """
    runtime = _onnxruntime()
    kind, _, index = device.partition(":")
    batch = batch_within(model.spec, _LARGEST_BATCH[kind], _BATCH_VOXELS[kind])
    name = f"onnxruntime {runtime.__version__}"
    if kind == "cuda":
        predict, note = _on_cuda(runtime, model, int(index), threads)
        # cuDNN chooses its algorithms anew for every shape it has not seen.
        return Engine(name, device, batch, Halving(predict, batch, fill=True), choice=note)
    streams = streams_for(batch, threads)
    # Every stream computes in the thread that calls, too, and one thread too many costs what streams bring.
    pool = (threads or whole_cores()) - (streams - 1) if streams > 1 else threads
    session = _fitting(new_session(runtime, model.data, [CPU], pool, model.name), model)
    predict = Halving(Streams(_predict(session, model.name), streams), batch, fill=False)
    return Engine(name, device, batch, predict, streams)


def open_tensorrt(model: ModelFile, device: str, threads: int | None = None) -> Engine:
    """`model` on "cuda:N" by TensorRT, which builds an engine at the first run, and keeps it for the next time.

    Raises as `open_onnxruntime` does, and `DeviceError` for a CPU.
    """
    kind, _, index = device.partition(":")
    if kind != "cuda":
        raise DeviceError(device, "is not a device of TensorRT.", "Use -d cuda, or another --engine.")
    runtime = _onnxruntime()
    batch = batch_within(model.spec, _LARGEST_BATCH[kind], _BATCH_VOXELS[kind])
    session = tensorrt_session(runtime, model.data, int(index), model.name, threads, kept=model)
    # Another shape would build another engine.
    predict = Halving(_predict(_fitting(session, model), model.name), batch, fill=True)
    return Engine(f"onnxruntime {runtime.__version__}, TensorRT {tensorrt_version()}", device, batch, predict)


def try_onnxruntime(data: bytes, device: str, shape: tuple[int, ...]) -> None:
    """Open the graph in `data` on `device` and run it once on ones of `shape`; raises as `open_onnxruntime` does."""
    runtime = _onnxruntime()
    if device == "cpu":
        session = new_session(runtime, data, [CPU], None, _TEST_MODEL)
    else:
        session = cuda_session(runtime, data, int(device.partition(":")[2]), _TEST_MODEL)
    _predict(session, _TEST_MODEL)(np.ones(shape, np.float32))


def try_tensorrt(data: bytes, device: str, shape: tuple[int, ...]) -> None:
    """As `try_onnxruntime`, by TensorRT, which keeps nothing of it."""
    session = tensorrt_session(_onnxruntime(), data, int(device.partition(":")[2]), _TEST_MODEL)
    _predict(session, _TEST_MODEL)(np.ones(shape, np.float32))


def _onnxruntime() -> Any:
    try:
        return import_onnxruntime()
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "is not installed; it runs the models.", _NO_ENGINE) from error


def _on_cuda(runtime: Any, model: ModelFile, index: int, threads: int | None) -> tuple[Predict, str]:
    """Recorded as a CUDA graph where that is proven to work, otherwise run by run; and why not, if so."""
    try:
        session = _fitting(cuda_session(runtime, model.data, index, model.name, threads, recorded=True), model)
        recorded = Recorded(runtime, session, ("cuda", index), model.spec.tiling.core, model.name)
        recorded.check(self_test_patch(model.spec))
    except (DeviceError, ModelError) as error:
        session = _fitting(cuda_session(runtime, model.data, index, model.name, threads), model)
        return _predict(session, model.name), f"CUDA graphs are off: {error.reason}"
    return recorded, ""


def _fitting(session: Any, model: ModelFile) -> Any:
    check_ports(_ports(session.get_inputs()), _ports(session.get_outputs()), model)
    return session


def _ports(found: list[Any]) -> list[Port]:
    return [Port(port.name, port.type == "tensor(float)", tuple(port.shape)) for port in found]


def _predict(session: Any, subject: str) -> Predict:
    source, synthetic = session.get_inputs()[0].name, session.get_outputs()[0].name

    def predict(patches: Array) -> Array:
        try:
            (output,) = session.run([synthetic], {source: np.ascontiguousarray(patches, np.float32)})
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise running_error(error, subject) from error
        return np.asarray(output, np.float32)

    return predict
