"""openvino behind the engine seam: the same file, on the CPU."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from modality_translate.errors import DeviceError, MissingExtraError
from modality_translate.runtime.engine import (
    Array,
    Engine,
    Port,
    Predict,
    batch_within,
    check_ports,
    loading_error,
    running_error,
)
from modality_translate.runtime.halving import Halving
from modality_translate.runtime.model_file import ModelFile
from modality_translate.runtime.streams import Streams, streams_for
from modality_translate.telemetry import import_openvino

_LARGEST_BATCH = 4
"""Sixteen are hardly faster, and their activations take more memory than a volume."""
_BATCH_VOXELS = 2**20
_SETTINGS = {
    # The default computes in bfloat16 on processors that have it: an error of several HU.
    "INFERENCE_PRECISION_HINT": "f32",
    # Pinned threads of two processes would share the first cores and leave the others idle.
    "ENABLE_CPU_PINNING": False,
}


def installed() -> bool:
    """Whether openvino can be imported."""
    return importlib.util.find_spec("openvino") is not None


def open_openvino(model: ModelFile, device: str, threads: int | None = None) -> Engine:
    """`model` on "cpu", with `threads` threads (all cores when None).

    Raises `DeviceError` for another device, `MissingExtraError` without openvino, and `ModelError` for a graph that
    does not load or does not fit its spec.
    """
    if device != "cpu":
        raise DeviceError(device, "is not a device of openvino.", "Use --engine onnxruntime for it, or -d cpu.")
    openvino = _openvino()
    batch = batch_within(model.spec, _LARGEST_BATCH, _BATCH_VOXELS)
    streams = streams_for(batch, threads)
    compiled = _compiled(openvino, model.data, threads, model.name, streams)
    check_ports(_ports(compiled.inputs, openvino), _ports(compiled.outputs, openvino), model)
    predict = Halving(Streams(_predict(compiled, model.name), streams), batch, fill=False)
    return Engine(f"openvino {_version(openvino)}", "cpu", batch, predict, streams)


def try_openvino(data: bytes, shape: tuple[int, ...]) -> None:
    """Open the graph in `data` and run it once on ones of `shape`; raises as `open_openvino` does."""
    compiled = _compiled(_openvino(), data, None, "the built-in test model")
    _predict(compiled, "the built-in test model")(np.ones(shape, np.float32))


def _openvino() -> Any:
    try:
        return import_openvino()
    except ImportError as error:
        remedy = "pip install 'modality-translate[openvino]'"
        raise MissingExtraError("openvino", "is not installed.", remedy) from error


def _version(openvino: Any) -> str:
    """Without the build number."""
    return str(openvino.__version__).partition("-")[0]


def _compiled(openvino: Any, data: bytes, threads: int | None, subject: str, streams: int = 1) -> Any:
    settings = {**_SETTINGS, "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT", "NUM_STREAMS": streams}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    core = openvino.Core()
    try:
        return core.compile_model(core.read_model(data), "CPU", settings)
    except Exception as error:  # openvino raises plain RuntimeErrors and others
        raise loading_error(error, subject) from error


def _ports(found: list[Any], openvino: Any) -> list[Port]:
    return [Port(_name(p), p.get_element_type() == openvino.Type.f32, _shape(p)) for p in found]


def _name(port: Any) -> str:
    """A port may carry the names of values it is equal to as well."""
    names = sorted(port.get_names())
    return next((name for name in names if name in ("source", "synthetic")), str(names))


def _shape(port: Any) -> tuple[object, ...]:
    return tuple(d.get_length() if d.is_static else str(d) for d in port.get_partial_shape())


def _predict(compiled: Any, subject: str) -> Predict:
    # A request holds the buffers of one run and must not be shared between threads.
    idle: list[Any] = []

    def predict(patches: Array) -> Array:
        try:
            request = idle.pop()
        except IndexError:
            request = compiled.create_infer_request()
        try:
            answer = request.infer([np.ascontiguousarray(patches, np.float32)])
        except Exception as error:  # openvino raises plain RuntimeErrors and others
            raise running_error(error, subject) from error
        idle.append(request)
        return np.array(answer[0], np.float32)

    return predict
