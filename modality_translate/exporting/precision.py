"""A precision variant, and the gate it must pass: its error against fp32 on real volumes, on every engine installed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from modality_translate.errors import ModelError
from modality_translate.exporting.calibration import Sources, real_patches
from modality_translate.exporting.fp16 import in_fp16
from modality_translate.exporting.int8 import in_int8
from modality_translate.exporting.parity import Array, Parity, Run, allowed, engines_for, first_engine
from modality_translate.pipeline.self_test import self_test_patch
from modality_translate.pipeline.spec import PrecisionName, Spec

GATE = 0.005
"""Largest mean absolute error as a fraction of the target's display window: 2 HU on the default CT window of 400 HU."""


@dataclass(frozen=True)
class Variant:
    """A graph that passed, with its spec, the proof on each engine, and what the formula patch must give."""

    graph: onnx.ModelProto
    spec: Spec
    parities: tuple[Parity, ...]
    answer: Array
    tolerance: float
    """Of the self-test, in output units: engines round differently where numbers have 8 bits."""


def gate(spec: Spec) -> float:
    """The largest mean absolute error that passes, in output units."""
    low, high = spec.target.display
    return GATE * (high - low)


def make_variant(graph: onnx.ModelProto, spec: Spec, precision: PrecisionName, sources: Sources) -> Variant:
    """`graph` in `precision`, calibrated and proven on `sources`.

    Raises `ModelError` when its error is above `gate`, and `VolumeError` for a volume that cannot be read.
    """
    proof = real_patches(sources.proof, spec)
    if precision == "int8":
        reduced = in_int8(graph, real_patches(sources.calibration, spec), gate(spec))
    else:
        reduced = in_fp16(graph)
    exact = first_engine(graph.SerializeToString())
    engines = engines_for(reduced.SerializeToString())
    parities = tuple(_compared(name, run, exact, proof, spec) for name, run in engines.items())
    worst = max(parity.mean for parity in parities)
    # Written so that an error that is not a number fails too.
    if not worst <= gate(spec):
        told = "; ".join(str(parity) for parity in parities)
        reason = f"{precision} differs from fp32 by more than {gate(spec):g} {spec.target.units} on average ({told})."
        raise ModelError(spec.name, reason, "Nothing was written. Use --precision fp16 or fp32.")
    answer, tolerance = _self_test(list(engines.values()), spec)
    measured = spec.model_copy(update={"precision": precision, "precision_error": round(worst, 4)})
    return Variant(reduced, measured, parities, answer, tolerance)


def _compared(name: str, run: Run, exact: Run, patches: Array, spec: Spec) -> Parity:
    largest, sums = 0.0, 0.0
    for patch in patches:
        difference = np.abs(run(patch[np.newaxis]).astype(np.float64) - exact(patch[np.newaxis]))
        largest, sums = max(largest, float(difference.max())), sums + float(difference.mean())
    return Parity(name, largest, sums / len(patches), spec.target.units)


def _self_test(engines: list[Run], spec: Spec) -> tuple[Array, float]:
    """The first engine's answer to the formula patch, and twice what the engines differ by, at least fp32's limit."""
    answer, *others = (run(self_test_patch(spec)) for run in engines)
    apart = max((float(np.abs(other - answer).max()) for other in others), default=0.0)
    return answer, max(allowed(spec)[0], 2 * apart)
