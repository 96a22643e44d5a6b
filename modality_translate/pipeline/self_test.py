"""A formula patch and the answer to expect: any host can prove its own wiring of a model file."""

from __future__ import annotations

import numpy as np

from modality_translate.errors import ModelError
from modality_translate.pipeline.spec import SelfTest, Spec
from modality_translate.pipeline.translate import Predict, predict_checked
from modality_translate.volumes.volume import Array

SAMPLES = 16
"""How many values a self-test remembers."""


def self_test_patch(spec: Spec) -> Array:
    """The input (1, 1, X, Y, Z) in host units of the source, by the formula of `SelfTest`, computed in float64."""
    x, y, z = np.indices(spec.tiling.patch)
    low, high = spec.source.scaling.fixed.range
    wave = 0.5 + 0.5 * np.sin(0.37 * x + 0.23 * y + 0.11 * z)
    return np.asarray(low + (high - low) * wave, np.float32)[np.newaxis, np.newaxis]


def measure_self_test(output: Array, tolerance: float, samples: int = SAMPLES) -> SelfTest:
    """What a graph's answer to `self_test_patch` is remembered by; `tolerance` in output units."""
    values = output.astype(np.float64).ravel()
    places = np.rint(np.linspace(0, values.size - 1, samples)).astype(np.intp)
    picked = tuple(float(value) for value in values[places])
    return SelfTest(mean=float(values.mean()), std=float(values.std()), samples=picked, tolerance=tolerance)


def check_self_test(spec: Spec, predict: Predict) -> None:
    """Raise `ModelError`, with numbers, unless `predict` answers the formula patch as the spec remembers it."""
    expected = spec.self_test
    if expected is None:
        raise ModelError(spec.name, "carries no self-test.", "Export it again.")
    output = predict_checked(self_test_patch(spec), spec, predict)
    found = measure_self_test(output, expected.tolerance, len(expected.samples))
    pairs = zip(_numbers(found), _numbers(expected), strict=True)
    worst = max(abs(a - b) for a, b in pairs)
    if not worst <= expected.tolerance:
        raise ModelError(
            spec.name,
            f"fails its self-test: mean {found.mean:.6g} and standard deviation {found.std:.6g} where "
            f"{expected.mean:.6g} and {expected.std:.6g} were wanted; the worst difference is {worst:.3g}, "
            f"{expected.tolerance:.3g} is allowed.",
            "The file is damaged, or this engine computes it wrongly: try another device or engine.",
        )


def _numbers(test: SelfTest) -> tuple[float, ...]:
    return (test.mean, test.std, *test.samples)
