"""Post-training quantisation: the convolutions that bear it compute in 8 bits, the others stay in float32.

Which ones, is measured: each convolution alone is quantised and its damage taken on real patches; then as much
arithmetic as the limit allows, cheapest damage first. The first and last layers of a translator rarely pass: 8 bits
over a CT's 4095 HU are steps of 16 HU.
"""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import io
import logging
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from modality_translate.errors import MissingExtraError, ModelError
from modality_translate.exporting.graph import SOURCE, tidied
from modality_translate.exporting.parity import first_engine
from modality_translate.telemetry import import_onnxruntime

Array = NDArray[np.float32]

PERCENTILE = 99.99
"""Of an activation's values that its 8 bits cover: the least damage of 99.9, 99.99 and all, as measured."""
MARGIN = 0.9
"""Share of the limit that is used up on the patches that choose the layers; others are met in the proof."""
DECIDING = 24
"""Patches that the choice of layers looks at."""


def in_int8(graph: onnx.ModelProto, patches: Array, limit: float) -> onnx.ModelProto:
    """`graph` with as many convolutions in 8 bits as keep the mean absolute error on `patches` below `limit`.

    Raises `ModelError` when not even one does, and `MissingExtraError` without onnxruntime, whose quantiser it is.
    """
    if not importlib.util.find_spec("onnxruntime"):
        raise MissingExtraError("int8", "is made by onnxruntime.", "pip install 'modality-translate[cpu]'")
    quantiser = _Quantiser(graph, patches)
    few = patches[:: max(1, len(patches) // DECIDING)]
    wanted = _answers(graph, few)

    def damage(names: list[str]) -> float:
        return float(np.abs(_answers(quantiser.quantised(names), few) - wanted).mean())

    work = _multiplications(graph)
    harm = {name: damage([name]) for name in work}
    # Errors of different layers add up as variances do.
    order = sorted(work, key=lambda name: harm[name] ** 2 / work[name])
    count = _most(order, damage, MARGIN * limit)
    if count == 0:
        raise ModelError("int8", f"no convolution bears 8 bits within {limit:g}.", "Use --precision fp16.")
    return tidied(quantiser.quantised(order[:count]))


class _Quantiser:
    """onnxruntime's quantiser with the ranges of every activation, measured once."""

    def __init__(self, graph: onnx.ModelProto, patches: Array) -> None:
        self.graph = graph
        self.ranges = _ranges(graph, patches)

    def quantised(self, names: list[str]) -> onnx.ModelProto:
        """The convolutions `names` between QuantizeLinear and DequantizeLinear, weights per channel."""
        kinds = import_onnxruntime("quantization").QuantType
        build = import_onnxruntime("quantization.qdq_quantizer").QDQQuantizer
        with _silence():
            quantiser = build(
                copy.deepcopy(self.graph),
                per_channel=True,
                reduce_range=False,
                weight_qType=kinds.QInt8,
                activation_qType=kinds.QUInt8,
                tensors_range=self.ranges,
                nodes_to_quantize=names,
                nodes_to_exclude=[],
                op_types_to_quantize=["Conv"],
                extra_options={},
            )
            quantiser.quantize_model()
            # It appends what it adds; readers may count on each value being made before it is used.
            quantiser.model.topological_sort()
        model: onnx.ModelProto = quantiser.model.model
        return model


def _ranges(graph: onnx.ModelProto, patches: Array) -> Any:
    quantization = import_onnxruntime("quantization")
    calibrate = import_onnxruntime("quantization.calibrate")

    class Patches(quantization.CalibrationDataReader):  # type: ignore[misc, name-defined]
        def __init__(self, group: Array) -> None:
            self.rest = iter([{SOURCE: group}])

        def get_next(self) -> dict[str, Array] | None:
            return next(self.rest, None)

    with tempfile.TemporaryDirectory() as folder, _silence():
        file = Path(folder) / "graph.onnx"
        onnx.save(graph, file)
        calibrator = calibrate.create_calibrator(
            file,
            ["Conv"],
            augmented_model_path=str(Path(folder) / "augmented.onnx"),
            calibrate_method=quantization.CalibrationMethod.Percentile,
            extra_options={"percentile": PERCENTILE, "symmetric": False},
        )
        # One patch at a time: every activation of the network is held for each.
        for patch in patches:
            calibrator.collect_data(Patches(patch[np.newaxis]))
        return calibrator.compute_data()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """onnxruntime's quantiser prints its progress and advises a preparation that ours has had."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _answers(graph: onnx.ModelProto, patches: Array) -> Array:
    run = first_engine(graph.SerializeToString())
    return np.concatenate([run(patch[np.newaxis]) for patch in patches])


def _multiplications(graph: onnx.ModelProto) -> dict[str, int]:
    """Of each convolution, per patch."""
    inferred = onnx.shape_inference.infer_shapes(graph).graph
    values = {value.name: value for value in (*inferred.value_info, *inferred.output)}
    weights = {tensor.name: tensor.dims for tensor in graph.graph.initializer}
    work = {}
    for node in graph.graph.node:
        if node.op_type == "Conv" and node.input[1] in weights:
            size = [d.dim_value or 1 for d in values[node.output[0]].type.tensor_type.shape.dim]
            work[node.name] = math.prod(size) * math.prod(weights[node.input[1]][1:])
    return work


def _most(order: list[str], damage: Any, limit: float) -> int:
    """How many of `order`, from the front, stay within `limit` together; damage is taken to grow with the number."""
    low, high = 0, len(order)
    while low < high:
        middle = (low + high + 1) // 2
        if damage(order[:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    return low
