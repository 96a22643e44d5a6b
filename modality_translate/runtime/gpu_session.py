"""onnxruntime's sessions on NVIDIA GPUs, by CUDA or by TensorRT, proven to be used.

onnxruntime falls back to the CPU without an exception when libraries cannot be loaded, and lists both as available even
on machines without a GPU. So what was granted is read from the finished session, and nothing less is accepted.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any

from modality_translate.errors import DeviceError
from modality_translate.runtime.known import cache_folder
from modality_translate.runtime.model_file import ModelFile
from modality_translate.runtime.onnxruntime_session import new_session, printed_nothing

_CUDA = "CUDAExecutionProvider"
_TENSORRT = "TensorrtExecutionProvider"
_CUDA_NEEDED = "CUDA 13 and cuDNN 9 are needed; as wheels: pip install 'modality-translate[cuda]'"
_TENSORRT_NEEDED = "TensorRT 10 is needed; as wheels: pip install 'modality-translate[cuda,tensorrt]'"
_TENSORRT_FILES = {
    "linux": ("libnvinfer.so.10", "libnvonnxparser.so.10"),
    "win32": ("nvinfer_10.dll", "nvonnxparser_10.dll"),
}
"""In the order in which they need each other."""


def cuda_session(
    runtime: Any, data: bytes, index: int, subject: str, threads: int | None = None, *, recorded: bool = False
) -> Any:
    """The graph in `data` on GPU `index`; `recorded` as a CUDA graph by its first run of each batch size.

    `threads` of the CPU serve what the GPU leaves. Raises `DeviceError` with the reason when CUDA is not what runs it.
    """
    missing = _ready(runtime, _CUDA, index)
    needed = f"{_not_found(missing)}{_CUDA_NEEDED}"
    session = new_session(runtime, data, [_cuda(index, recorded)], threads, subject)
    return _granted(session, _CUDA, index, needed)


def tensorrt_session(
    runtime: Any, data: bytes, index: int, subject: str, threads: int | None = None, kept: ModelFile | None = None
) -> Any:
    """The graph in `data` on GPU `index` by TensorRT, and by CUDA what TensorRT leaves.

    What it builds is kept for the next time where it is said to be for the model `kept`, in that model's precision.
    `threads` of the CPU serve what the GPU leaves. Raises `DeviceError` with the reason when TensorRT is not what runs
    it.
    """
    # The only switch there is: without it TensorRT computes convolutions with 10 bits of mantissa.
    os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
    missing = _ready(runtime, _TENSORRT, index)
    missing += [name for name in _tensorrt_files() if _library(name) is None]
    needed = f"{_not_found(missing)}{_TENSORRT_NEEDED}"
    options = {"device_id": str(index), **(_engine_options(kept) if kept else {})}
    providers = [(_TENSORRT, options), _cuda(index, recorded=False)]
    return _granted(new_session(runtime, data, providers, threads, subject), _TENSORRT, index, needed)


def tensorrt_version() -> str:
    """Such as "10.13.3"; empty where the library is not found."""
    library = _library(_tensorrt_files()[0])
    if library is None:
        return ""
    number = int(library.getInferLibVersion())
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def _engine_options(model: ModelFile) -> dict[str, str]:
    options = {
        "trt_fp16_enable": str(int(model.spec.precision == "fp16")),
        "trt_int8_enable": str(int(model.spec.precision == "int8")),
    }
    try:
        # onnxruntime names an engine by its graph but not by its weights: every model gets a folder of its own.
        folder = cache_folder() / "tensorrt" / f"{model.sha256}-{tensorrt_version()}"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return options
    return options | {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(folder)}


def _cuda(index: int, recorded: bool) -> tuple[str, dict[str, str]]:
    return _CUDA, {
        "device_id": str(index),
        # The default tries every convolution algorithm for minutes, and TF32 costs half the mantissa.
        "cudnn_conv_algo_search": "HEURISTIC",
        "use_tf32": "0",
        "arena_extend_strategy": "kSameAsRequested",
        "enable_cuda_graph": str(int(recorded)),
    }


def _ready(runtime: Any, provider: str, index: int) -> list[str]:
    """Load the CUDA libraries of the nvidia-* packages, if any; which ones could not be loaded.

    Raises `DeviceError` where there is nothing to try.
    """
    if provider not in runtime.get_available_providers():
        raise DeviceError(f"cuda:{index}", "is not part of the installed onnxruntime.",
                          "pip uninstall -y onnxruntime && pip install 'modality-translate[gpu]'")  # fmt: skip
    if not driver_present():
        raise DeviceError(f"cuda:{index}", "has no NVIDIA driver on this machine.",
                          "Use -d cpu, or install the driver.")  # fmt: skip
    with printed_nothing() as said:
        runtime.preload_dlls()
    return re.findall(r"Failed to load (\S+?):", said.getvalue())


def _granted(session: Any, provider: str, index: int, needed: str) -> Any:
    if (session.get_providers() or [""])[0] != provider:
        reason = "could not be started: its libraries do not load or there is no such device."
        raise DeviceError(f"cuda:{index}", reason, needed)
    return session


def driver_present() -> bool:
    """Whether NVIDIA's driver can be loaded, without which CUDA is not tried."""
    return _loaded("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1") is not None


def _tensorrt_files() -> tuple[str, ...]:
    return _TENSORRT_FILES.get(sys.platform, _TENSORRT_FILES["linux"])


def _library(name: str) -> ctypes.CDLL | None:
    """TensorRT's `name` from its wheel, or from the system."""
    package = importlib.util.find_spec("tensorrt_libs")
    folders = list(package.submodule_search_locations or ()) if package else []
    return next(filter(None, (_loaded(str(Path(folder, name))) for folder in folders)), None) or _loaded(name)


def _loaded(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return None


def _not_found(missing: list[str]) -> str:
    return f"Not found: {', '.join(missing[:8])}. " if missing else ""
