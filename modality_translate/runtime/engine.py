"""The engine seam: what every engine offers, and what is asked of a graph before it is used.

Each engine is one file beside this one; `engine_choice` opens them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from modality_translate.errors import DeviceError, DeviceMemoryError, ModelError
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime.model_file import ModelFile

Array = NDArray[np.float32]
Predict = Callable[[Array], Array]


@dataclass(frozen=True)
class Engine:
    """A model made ready on one device. `predict` takes (N, 1, X, Y, Z) float32 host units; it is thread-safe."""

    name: str
    """Such as "onnxruntime 1.31.1"."""
    device: str
    """"cpu" or "cuda:N", as the finished session says."""
    batch: int
    """How many patches to hand over at once."""
    predict: Predict
    streams: int = 1
    """How many volumes it computes for at the same time, each on its part of the cores."""
    choice: str = ""
    """Why this engine and this device, where there was a choice."""

    @property
    def note(self) -> str:
        """What a user should know: the choice, and whether memory ran short since."""
        return " ".join(filter(None, (self.choice, getattr(self.predict, "note", ""))))


class Port(NamedTuple):
    """An input or output of a graph; `shape` holds integers where it is fixed."""

    name: str
    is_float: bool
    shape: tuple[object, ...]


def check_ports(inputs: Sequence[Port], outputs: Sequence[Port], model: ModelFile) -> None:
    """Raise `ModelError` unless the graph takes and gives what its spec says."""
    tiling = model.spec.tiling
    wanted = [("source", tiling.patch), ("synthetic", tiling.core)]
    ports = [*inputs, *outputs]
    found = [(port.name, port.shape[2:]) for port in ports]
    if found != wanted or any(not port.is_float or port.shape[1] != 1 for port in ports):
        raise ModelError(model.name, f"its graph has the ports {found}, its spec says {wanted}.", "Export it again.")


def batch_within(spec: Spec, patches: int, voxels: int) -> int:
    """As many patches as help, and as few as memory asks for."""
    return max(1, min(patches, voxels // math.prod(spec.tiling.patch)))


def loading_error(error: Exception, subject: str) -> ModelError:
    """For a graph that an engine does not take."""
    return ModelError(subject, f"cannot be loaded ({first_line(error)}).", "Export the run again.")


def running_error(error: Exception, subject: str) -> DeviceError | ModelError:
    """For a run that an engine gave up: the device's fault, or the graph's."""
    reason = first_line(error)
    if isinstance(error, MemoryError) or re.search(
        r"out of memory|[Ff]ailed to allocate|bad_alloc|ALLOC_FAILED", reason
    ):
        return DeviceMemoryError(
            subject, f"one patch does not fit into memory ({reason}).", "Free some, or use -d cpu."
        )
    if re.search(r"memory|CUDA|CUDNN|CUBLAS", reason):
        return DeviceError(subject, f"the device stopped ({reason}).", "Free its memory, or use -d cpu.")
    return ModelError(subject, f"cannot be run ({reason}).", "Export the run again.")


def first_line(error: Exception) -> str:
    """The first line of what an engine said that is not only a place in its source."""
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("Exception from ")]
    return (lines or [type(error).__name__])[0][:300]
