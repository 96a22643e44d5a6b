"""Percentiles of a masked volume, exact, without sorting or copying it.

A strided sample guesses between which two values a percentile lies; one pass over the volume counts how many voxels
are smaller and keeps those between. The counts prove the rank: if they do not bracket it, the guess is widened. So the
answer does not depend on the sample, only the time does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modality_translate.volumes.slabs import slabs, thinned

SAMPLE = 65_536
CHANCE = 1e-3
"""Of an independent sample's guess to miss, by the inequality of Dvoretzky, Kiefer and Wolfowitz (Massart's constant).
Voxels are not independent, so the guess may miss more often; it is then widened."""
WIDER = 8.0

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


class _Bracket(NamedTuple):
    low: float
    high: float


def percentiles(array: Array, mask: Mask | None, wanted: Sequence[float]) -> list[float]:
    """numpy's `linear` percentiles (0 to 100) of `array` (X, Y, Z) inside `mask`, everywhere without one, in float64.

    Raises ValueError when the mask is empty.
    """
    count = array.size if mask is None else sum(int(np.count_nonzero(mask[place])) for place in slabs(mask))
    if not count:
        raise ValueError("there are no percentiles of no voxels")
    sample = np.sort(_sample(array, mask, count))
    ranks = [(count - 1) * (q / 100.0) for q in wanted]
    tolerance = math.sqrt(math.log(2.0 / CHANCE) / (2.0 * sample.size)) if sample.size < count else 1.0
    found: dict[int, float] = {}
    while missing := [i for i in range(len(ranks)) if i not in found]:
        brackets = [_guess(sample, ranks[i] / max(1, count - 1), tolerance) for i in missing]
        for i, below, between in zip(missing, *_counted(array, mask, brackets), strict=True):
            value = _at(ranks[i] - below, between)
            if value is not None:
                found[i] = value
        tolerance *= WIDER
    return [found[i] for i in range(len(ranks))]


def _sample(array: Array, mask: Mask | None, count: int) -> Array:
    """Every n-th voxel inside, in some fixed order; all of them when there are few."""
    step = max(1, math.ceil((count / SAMPLE) ** (1 / 3)))
    thin = thinned(array, step)
    values = thin.ravel() if mask is None else thin[thinned(mask, step)]
    if values.size < min(count, 1000):  # a thin mask may slip through the lattice
        values = array.ravel() if mask is None else array[mask]
    return np.asarray(values, np.float32)


def _guess(sample: Array, share: float, tolerance: float) -> _Bracket:
    last = sample.size - 1
    low, high = math.floor((share - tolerance) * last), math.ceil((share + tolerance) * last)
    return _Bracket(
        float(sample[low]) if low >= 0 else -math.inf,
        float(sample[high]) if high <= last else math.inf,
    )


def _counted(array: Array, mask: Mask | None, brackets: Iterable[_Bracket]) -> tuple[list[int], list[Array]]:
    """For each bracket, how many voxels lie below it, and those that lie in it, sorted."""
    brackets = list(brackets)
    below = [0] * len(brackets)
    between: list[list[Array]] = [[] for _ in brackets]
    for place in slabs(array, *([] if mask is None else [mask])):
        values: NDArray[Any] = array[place] if mask is None else array[place][mask[place]]
        for i, (low, high) in enumerate(brackets):
            below[i] += int(np.count_nonzero(values < low))
            between[i].append(values[(values >= low) & (values <= high)])
    return below, [np.sort(np.concatenate(parts, axis=None)) for parts in between]


def _at(rank: float, values: Array) -> float | None:
    """The value at a fractional rank of sorted `values`, as numpy interpolates it; none if it is not among them."""
    first = math.floor(rank)
    part = rank - first
    second = first + 1 if part else first
    if first < 0 or second >= values.size:
        return None
    low, high = float(values[first]), float(values[second])
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1.0 - part)
