"""The engine seam: a model file's bytes become `predict`, on a device that is proven to be used.

onnxruntime falls back to the CPU without an exception when CUDA cannot be loaded, and lists CUDA as available even on
machines without a GPU. So the device is read from the finished session, and asking for `cuda` never ends on the CPU.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import math
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modality_translate.errors import DeviceError, MissingExtraError, ModelError, RecipeError
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime.model_file import ModelFile

Array = NDArray[np.float32]
Predict = Callable[[Array], Array]

_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
_FATAL_ONLY = 4
_LARGEST_BATCH = {"cpu": 4, "cuda": 16}
_BATCH_VOXELS = {"cpu": 2**20, "cuda": 2**23}
_NO_ENGINE = "Install one of them (never both): pip install 'modality-translate[cpu]' or 'modality-translate[gpu]'"


@dataclass(frozen=True)
class Engine:
    """A model made ready on one device. `predict` takes (N, 1, X, Y, Z) float32 host units; it is thread-safe."""

    name: str
    """Such as "onnxruntime 1.28.0"."""
    device: str
    """"cpu" or "cuda:N", as the finished session says."""
    batch: int
    """How many patches to hand over at once; on CUDA smaller batches are filled up, so that shapes never change."""
    predict: Predict
    note: str = ""
    """Why `auto` did not take the GPU."""


def open_engine(model: ModelFile, device: str = "auto", threads: int | None = None) -> Engine:
    """The engine for `model` on "auto", "cpu", "cuda" or "cuda:N", with `threads` CPU threads (all cores by default).

    Raises `DeviceError` when CUDA is asked for and cannot be used, `MissingExtraError` without onnxruntime, and
    `ModelError` for a graph that does not load or does not fit its spec.
    """
    runtime = _onnxruntime()
    session, used, note = _on_device(runtime, model.data, device, threads, model.name)
    _check_ports(session, model)
    batch = _batch(used, model.spec)
    fill = 0 if used == "cpu" else batch
    return Engine(f"onnxruntime {runtime.__version__}", used, batch, _predict(session, model.name, fill), note)


def try_device(data: bytes, device: str) -> str:
    """Nothing when the model in `data` opens and runs on `device` ("cpu", "cuda:N"), otherwise the reason."""
    try:
        session, _, _ = _on_device(_onnxruntime(), data, device, None, "the built-in test model")
        shape = [1 if isinstance(n, str) else n for n in session.get_inputs()[0].shape]
        _predict(session, "the built-in test model", 0)(np.ones(shape, np.float32))
    except (DeviceError, ModelError, MissingExtraError) as error:
        return f"{error.reason} {error.remedy}".strip()
    return ""


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "is not installed; it runs the models.", _NO_ENGINE) from error
    return onnxruntime


def _on_device(runtime: Any, data: bytes, device: str, threads: int | None, subject: str) -> tuple[Any, str, str]:
    """The session, the device it runs on, and what is to be said about the choice."""
    index = _cuda_index(device)
    if device == "cpu":
        return _session(runtime, data, [_CPU], threads, subject), "cpu", ""
    try:
        return _cuda_session(runtime, data, index, threads, subject), f"cuda:{index}", ""
    except DeviceError as error:
        if device != "auto":
            raise
        return _session(runtime, data, [_CPU], threads, subject), "cpu", f"CPU, because CUDA {error.reason}"


def _cuda_index(device: str) -> int:
    matched = re.fullmatch(r"(?:auto|cpu|cuda(?::(\d{1,3}))?)", device)
    if not matched:
        raise RecipeError(device, "is not a device.", "Give auto, cpu, cuda or cuda:N.")
    return int(matched[1] or 0)


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
        raise DeviceError(wanted, reason, f"{missing}CUDA 13 and cuDNN 9 are needed.")
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
            raise DeviceError("cuda", f"could not be started: {_first_line(error)}", "Use -d cpu.") from error
        raise ModelError(subject, f"cannot be loaded ({_first_line(error)}).", "Export the run again.") from error


def _batch(device: str, spec: Spec) -> int:
    """As many patches as help, and as few as memory asks for."""
    kind = device.partition(":")[0]
    return max(1, min(_LARGEST_BATCH[kind], _BATCH_VOXELS[kind] // math.prod(spec.tiling.patch)))


def _check_ports(session: Any, model: ModelFile) -> None:
    """The graph must take and give what its spec says."""
    tiling = model.spec.tiling
    wanted = [("source", tiling.patch), ("synthetic", tiling.core)]
    ports = [*session.get_inputs(), *session.get_outputs()]
    found = [(port.name, tuple(port.shape[2:])) for port in ports]
    if found != wanted or any(p.type != "tensor(float)" or p.shape[1] != 1 for p in ports):
        raise ModelError(model.name, f"its graph has the ports {found}, its spec says {wanted}.", "Export it again.")


def _predict(session: Any, subject: str, fill: int) -> Predict:
    source, synthetic = session.get_inputs()[0].name, session.get_outputs()[0].name

    def predict(patches: Array) -> Array:
        n = len(patches)
        if n < fill:
            patches = np.concatenate([patches, np.zeros((fill - n, *patches.shape[1:]), np.float32)])
        try:
            (output,) = session.run([synthetic], {source: np.ascontiguousarray(patches, np.float32)})
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise _run_error(error, subject) from error
        return np.asarray(output[:n], np.float32)

    return predict


def _run_error(error: Exception, subject: str) -> DeviceError | ModelError:
    reason = _first_line(error)
    if re.search(r"memory|alloc|CUDA|CUDNN|CUBLAS", reason):
        return DeviceError(subject, f"the device stopped ({reason}).", "Free its memory, or use -d cpu.")
    return ModelError(subject, f"cannot be run ({reason}).", "Export the run again.")


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


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
