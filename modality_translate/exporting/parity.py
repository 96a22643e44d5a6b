"""The proof that a graph computes what the network computes, in the target's own units, on every engine installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from modality_translate.errors import MissingExtraError, ModelError
from modality_translate.pipeline.self_test import self_test_patch
from modality_translate.pipeline.spec import Spec
from modality_translate.telemetry import import_onnxruntime, import_openvino

Array = NDArray[np.float32]
Run = Callable[[Array], Array]

LARGEST, LARGEST_MEAN = 1.0 / 4095, 0.05 / 4095
"""Allowed differences as fractions of the output range: 1 HU and 0.05 HU on the 4095 HU of the default CT window."""


@dataclass(frozen=True)
class Parity:
    """Largest and mean absolute difference between network and engine, in `units`."""

    engine: str
    largest: float
    mean: float
    units: str

    def __str__(self) -> str:
        return f"{self.engine}: largest difference {self.largest:.2g} {self.units}, mean {self.mean:.2g}"


def prove_parity(network: nn.Module, graph: bytes, spec: Spec) -> tuple[Parity, ...]:
    """One result per installed engine. Raises `ModelError` when one of them answers differently."""
    engines = engines_for(graph)
    cases = [(patches, run_network(network, patches)) for patches in _patches(spec)]
    results = tuple(_compare(name, run, cases, spec) for name, run in engines.items())
    for result in results:
        _check(result, spec)
    return results


def engines_for(graph: bytes) -> dict[str, Run]:
    """Each installed engine by name and version, ready to run `graph`. Raises `MissingExtraError` without any."""
    engines = dict(_engines(graph))
    if not engines:
        raise _no_engine()
    return engines


def first_engine(graph: bytes) -> Run:
    """The reference: onnxruntime where it is installed. Raises `MissingExtraError` without any engine."""
    found = next(_engines(graph), None)
    if found is None:
        raise _no_engine()
    return found[1]


def run_network(network: nn.Module, patches: Array) -> Array:
    """The network's own answer, (N, 1, *patch) -> (N, 1, *core)."""
    with torch.inference_mode():
        return np.asarray(network(torch.from_numpy(patches)).numpy(), np.float32)


def allowed(spec: Spec) -> tuple[float, float]:
    """Largest and mean absolute difference that pass, in output units."""
    lo, hi = spec.target.scaling.fixed.range
    return LARGEST * (hi - lo), LARGEST_MEAN * (hi - lo)


def _patches(spec: Spec) -> Iterator[Array]:
    """The self-test patch, noise over and beyond the source range, one patch and several."""
    lo, hi = spec.source.scaling.fixed.range
    margin = 0.1 * (hi - lo)
    random = np.random.default_rng(0)
    yield self_test_patch(spec)
    for n in (1, 3):
        yield random.uniform(lo - margin, hi + margin, (n, 1, *spec.tiling.patch)).astype(np.float32)


def _compare(name: str, run: Run, cases: list[tuple[Array, Array]], spec: Spec) -> Parity:
    worst, means = 0.0, list[float]()
    for patches, wanted in cases:
        found = run(patches)
        if found.shape != (len(patches), 1, *spec.tiling.core) or not np.isfinite(found).all():
            raise ModelError(spec.name, f"{name} gives {found.shape}, or values that are not finite.", "Train again.")
        difference = np.abs(found.astype(np.float64) - wanted)
        worst = max(worst, float(difference.max()))
        means.append(float(difference.mean()))
    return Parity(name, worst, max(means), spec.target.units)


def _check(result: Parity, spec: Spec) -> None:
    largest, mean = allowed(spec)
    # Written so that a difference that is not a number fails too.
    if not (result.largest <= largest and result.mean <= mean):
        limits = f"allowed are {largest:.2g} and {mean:.2g}"
        raise ModelError(spec.name, f"the graph differs from the network ({result}; {limits}).", "Nothing was written.")


def _no_engine() -> MissingExtraError:
    return MissingExtraError("export", "needs an engine for its proof.", "pip install 'modality-translate[cpu]'")


def _engines(graph: bytes) -> Iterator[tuple[str, Run]]:
    if importlib.util.find_spec("onnxruntime"):
        yield _onnxruntime(graph)
    if importlib.util.find_spec("openvino"):
        yield _openvino(graph)


def _onnxruntime(graph: bytes) -> tuple[str, Run]:
    onnxruntime = import_onnxruntime()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return f"onnxruntime {onnxruntime.__version__}", lambda patches: np.asarray(
        session.run(["synthetic"], {"source": patches})[0]
    )


def _openvino(graph: bytes) -> tuple[str, Run]:
    openvino = import_openvino()
    core = openvino.Core()
    # Some CPUs would compute in bfloat16 by default; the proof is about float32.
    compiled = core.compile_model(core.read_model(graph), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return f"openvino {openvino.__version__.partition('-')[0]}", lambda patches: np.asarray(compiled([patches])[0])
