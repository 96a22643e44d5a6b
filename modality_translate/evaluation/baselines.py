"""Answers that need no network: any model worth keeping must beat both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median

from modality_translate.errors import PairingError
from modality_translate.evaluation.metrics import Mask, Values

WATER_INSIDE, WATER_OUTSIDE = 0.0, -1024.0
VOXELS_PER_CASE = 1_000_000


def water(mask: Mask) -> NDArray[np.float32]:
    """The all-water CT: 0 HU inside the mask, -1024 HU outside. (X, Y, Z) float32; the SynthRAD placeholder answer."""
    return np.where(mask, np.float32(WATER_INSIDE), np.float32(WATER_OUTSIDE))


@dataclass(frozen=True, eq=False)
class LookupTable:
    """Each source intensity answered by one target intensity: all that can be had without looking at the anatomy.

    `starts` (n,) are the source intensities at which the n bins begin, rising; `answers` (n,) are in the target's unit.
    """

    starts: NDArray[np.float64]
    answers: NDArray[np.float64]

    @classmethod
    def fit(cls, cases: Sequence[tuple[Values, Values, Mask]], bins: int = 256) -> LookupTable:
        """From (source, target, mask) triples on one grid each: the median target per quantile bin of the source.

        The median is the answer with the smallest absolute error. Of a large case an even share of about a million
        masked voxels is used. Raises `PairingError` if no masked voxel is given.
        """
        chosen = [_even_share(np.flatnonzero(mask)) for _, _, mask in cases]
        if not sum(voxels.size for voxels in chosen):
            raise PairingError("intensity lookup", "no voxel inside any mask", "Give at least one case with a mask.")
        sources, targets = (
            np.concatenate([case[side].ravel()[voxels] for case, voxels in zip(cases, chosen, strict=True)])
            for side in (0, 1)
        )
        shares = np.linspace(0.0, 1.0, bins, endpoint=False)
        # Every start is itself a source value, so no bin is empty.
        starts = np.unique(np.quantile(sources.astype(np.float64), shares, method="lower"))
        answers = median(targets.astype(np.float64), _bin(sources, starts), np.arange(len(starts)))
        return cls(starts, np.asarray(answers, np.float64))

    def apply(self, source: Values) -> NDArray[np.float32]:
        """The answers for every voxel of `source`, same shape, float32; outer values get the outer bins' answers."""
        return self.answers[_bin(source, self.starts)].astype(np.float32)


def _bin(values: Values, starts: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index of the bin of every value; the first bin also takes what lies below it."""
    return np.searchsorted(starts[1:], values, side="right")


def _even_share(voxels: NDArray[np.intp]) -> NDArray[np.intp]:
    return voxels[:: max(1, -(-voxels.size // VOXELS_PER_CASE))]
