from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from modality_translate.evaluation.results import Case, Evaluation, Failure
from modality_translate.volumes.volume import Volume


@dataclass(frozen=True)
class Known:
    """The arrays whose scores the challenges' own code gave; float64 (X, Y, Z)."""

    ct: NDArray[np.float64]
    mask: NDArray[np.bool_]
    predictions: dict[str, NDArray[np.float64]]


@pytest.fixture(scope="session")
def known() -> Known:
    """An ellipsoid with skin, bone shell and an air ball; stated on z, y, x axes and transposed to x, y, z."""
    z, y, x = np.mgrid[0:48, 0:64, 0:80].astype(np.float64)
    q = ((z - 23.5) / 20) ** 2 + ((y - 31.5) / 26) ** 2 + ((x - 39.5) / 32) ** 2
    mask = q <= 1
    ct = np.where(mask, 40.0, -1000.0)
    ct[(q > 0.81) & mask] = -100.0
    ct[(q > 0.49) & (q <= 0.64)] = 900.0
    ct[(z - 23.5) ** 2 + (y - 25.5) ** 2 + (x - 39.5) ** 2 <= 25] = -850.0
    predictions = {
        "waves": ct + 30 * np.sin(0.37 * z + 0.11 * y) + 20 * np.cos(0.23 * x) + 5,
        "shifted": np.roll(ct, 1, axis=2),
        "water": np.where(mask, 0.0, -1024.0),
    }
    return Known(ct.T, mask.T, {name: array.T for name, array in predictions.items()})


@pytest.fixture
def ct() -> Volume:
    """A small body in air, off centre, with a bone: HU, RAS+, 2 x 2 x 3 mm."""
    array = np.full((24, 20, 16), -1000.0, np.float32)
    array[6:22, 4:16, 1:15] = 40.0
    array[10:14, 8:12, 4:12] = 700.0
    return Volume.of(array, np.diag([2.0, 2.0, 3.0, 1.0]))


@pytest.fixture
def evaluation() -> Evaluation:
    """Six cases, the last far from the others, one failure and one reference nobody answered."""
    cases = [
        Case(f"case{k}", {"mae": value, "psnr": 30.0 - k}, (-1024.0, 3071.0), 1000 + k)
        for k, value in enumerate([60.0, 62.0, 61.0, 63.0, 59.0, 200.0])
    ]
    failure = Failure("broken", "on another grid than the reference")
    return Evaluation("CT", "HU", "synthrad2025", tuple(cases), (failure,), ("lonely",), ("Scored inside the body.",))
