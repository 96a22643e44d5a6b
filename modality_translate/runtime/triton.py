"""A model file as a model repository of the Triton Inference Server.

What Triton serves is the graph alone, patch by patch: preparing, cutting, blending and restoring stay with the client,
which finds the contract in the parameter `mtranslate.spec` of the model's configuration.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from modality_translate.errors import ModelError
from modality_translate.runtime.model_file import ModelFile
from modality_translate.volumes.atomic import replacing

LARGEST_BATCH = 16
BATCH_VOXELS = 2**23


def write_repository(model: ModelFile, repository: Path, *, overwrite: bool = False) -> Path:
    """Write `model` as `repository`/NAME/{config.pbtxt,1/model.onnx}; gives the folder NAME, made from the spec's name.

    Raises `ModelError` if that folder is there and `overwrite` is not set, or cannot be made.
    """
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", model.spec.name).strip("_") or "translator"
    folder = repository / name
    if folder.exists() and not overwrite:
        raise ModelError(folder, "is already there.", "Choose another folder, or give --overwrite.")
    try:
        (folder / "1").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(folder, f"cannot be made ({error.strerror}).", "Choose another folder.") from error
    for path, data in ((folder / "1" / "model.onnx", model.data), (folder / "config.pbtxt", _config(name, model))):
        with replacing(path, overwrite=overwrite) as file:
            file.write(data)
    return folder


def _config(name: str, model: ModelFile) -> bytes:
    """The configuration in protobuf's text format; the batch is Triton's own, so `dims` begin at the channel."""
    tiling = model.spec.tiling
    batch = max(1, min(LARGEST_BATCH, BATCH_VOXELS // math.prod(tiling.patch)))
    return f"""\
name: {_quoted(name)}
backend: "onnxruntime"
max_batch_size: {batch}
input [ {{ name: "source" data_type: TYPE_FP32 dims: {_dims(tiling.patch)} }} ]
output [ {{ name: "synthetic" data_type: TYPE_FP32 dims: {_dims(tiling.core)} }} ]
dynamic_batching {{ }}
parameters {{ key: "mtranslate.sha256" value: {{ string_value: {_quoted(model.sha256)} }} }}
parameters {{ key: "mtranslate.spec" value: {{ string_value: {_quoted(model.spec.canonical_json())} }} }}
""".encode("ascii")


def _dims(shape: tuple[int, int, int]) -> str:
    return f"[ 1, {', '.join(map(str, shape))} ]"


def _quoted(text: str) -> str:
    """A string of protobuf's text format."""
    return '"' + "".join(_character(byte) for byte in text.encode()) + '"'


def _character(byte: int) -> str:
    """Itself where it is plain ASCII, otherwise as octal."""
    if chr(byte) in '"\\':
        return "\\" + chr(byte)
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
