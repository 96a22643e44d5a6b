"""onnxruntime behind the engine seam, on the CPU or on a GPU that is proven to be used.

It falls back to the CPU without an exception when CUDA cannot be loaded, and lists CUDA as available even on machines
without a GPU. So the device is read from the finished session, and asking for `cuda` never ends on the CPU.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import io
import re
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from modality_translate.errors import DeviceError, MissingExtraError
from modality_translate.runtime.cores import whole_cores
from modality_translate.runtime.engine import (
    Array,
    Engine,
    Port,
    Predict,
    batch_within,
    check_ports,
    first_line,
    loading_error,
    running_error,
)
from modality_translate.runtime.halving import Halving
from modality_translate.runtime.model_file import ModelFile
from modality_translate.runtime.streams import Streams, streams_for
from modality_translate.telemetry import import_onnxruntime

_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
_FATAL_ONLY = 4
_LARGEST_BATCH = {"cpu": 4, "cuda": 16}
_BATCH_VOXELS = {"cpu": 2**20, "cuda": 2**23}
_NEEDED = "CUDA 13 and cuDNN 9 are needed; as wheels: pip install 'modality-translate[cuda]'"
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
    kind = device.partition(":")[0]
    batch = batch_within(model.spec, _LARGEST_BATCH[kind], _BATCH_VOXELS[kind])
    streams = streams_for(batch, threads) if kind == "cpu" else 1
    # Every stream computes in the thread that calls, too, and one thread too many costs what streams bring.
    pool = (threads or whole_cores()) - (streams - 1) if streams > 1 else threads
    session = _opened(runtime, model.data, device, pool, model.name)
    check_ports(_ports(session.get_inputs()), _ports(session.get_outputs()), model)
    # cuDNN chooses its algorithms anew for every shape it has not seen.
    predict = Halving(Streams(_predict(session, model.name), streams), batch, fill=kind == "cuda")
    return Engine(f"onnxruntime {runtime.__version__}", device, batch, predict, streams)


def try_onnxruntime(data: bytes, device: str, shape: tuple[int, ...]) -> None:
    """Open the graph in `data` on `device` and run it once on ones of `shape`; raises as `open_onnxruntime` does."""
    session = _opened(_onnxruntime(), data, device, None, "the built-in test model")
    _predict(session, "the built-in test model")(np.ones(shape, np.float32))


def _onnxruntime() -> Any:
    try:
        return import_onnxruntime()
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "is not installed; it runs the models.", _NO_ENGINE) from error


def _opened(runtime: Any, data: bytes, device: str, threads: int | None, subject: str) -> Any:
    if device == "cpu":
        return _session(runtime, data, [_CPU], threads, subject)
    return _cuda_session(runtime, data, int(device.partition(":")[2]), threads, subject)


def _ports(found: list[Any]) -> list[Port]:
    return [Port(port.name, port.type == "tensor(float)", tuple(port.shape)) for port in found]


def _cuda_session(runtime: Any, data: bytes, index: int, threads: int | None, subject: str) -> Any:
    """A session that CUDA really runs. Raises `DeviceError` with the reason."""
    wanted = f"cuda:{index}"
    if _CUDA not in runtime.get_available_providers():
        raise DeviceError(wanted, "is not part of the installed onnxruntime.",
                          "pip uninstall -y onnxruntime && pip install 'modality-translate[gpu]'")  # fmt: skip
    if not _driver_present():
        raise DeviceError(wanted, "has no NVIDIA driver on this machine.", "Use -d cpu, or install the driver.")
    missing = _preload(runtime)
    options = {
        "device_id": str(index),
        # The default tries every convolution algorithm for minutes, and TF32 costs half the mantissa.
        "cudnn_conv_algo_search": "HEURISTIC",
        "use_tf32": "0",
        "arena_extend_strategy": "kSameAsRequested",
    }
    session = _session(runtime, data, [(_CUDA, options)], threads, subject)
    if (session.get_providers() or [""])[0] != _CUDA:
        reason = "could not be started: its libraries do not load or there is no such device."
        raise DeviceError(wanted, reason, f"{missing}{_NEEDED}")
    return session


def _session(runtime: Any, data: bytes, providers: list[Any], threads: int | None, subject: str) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = _FATAL_ONLY
    runtime.set_default_logger_severity(_FATAL_ONLY)
    try:
        with _printed_nothing():
            return runtime.InferenceSession(data, sess_options=options, providers=providers)
    except Exception as error:  # onnxruntime's exceptions share no base class
        if providers[0] != _CPU:
            raise DeviceError("cuda", f"could not be started: {first_line(error)}", "Use -d cpu.") from error
        raise loading_error(error, subject) from error


def _predict(session: Any, subject: str) -> Predict:
    source, synthetic = session.get_inputs()[0].name, session.get_outputs()[0].name

    def predict(patches: Array) -> Array:
        try:
            (output,) = session.run([synthetic], {source: np.ascontiguousarray(patches, np.float32)})
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise running_error(error, subject) from error
        return np.asarray(output, np.float32)

    return predict


def _driver_present() -> bool:
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def _preload(runtime: Any) -> str:
    """Load the CUDA libraries of the nvidia-* packages, if any; which ones could not be loaded, as a sentence."""
    with _printed_nothing() as said:
        runtime.preload_dlls()
    missing = re.findall(r"Failed to load (\S+?):", said.getvalue())
    return f"Not found: {', '.join(missing[:8])}. " if missing else ""


@contextlib.contextmanager
def _printed_nothing() -> Iterator[io.StringIO]:
    """onnxruntime prints banners to stdout, which is for results."""
    caught = io.StringIO()
    with contextlib.redirect_stdout(caught):
        yield caught
