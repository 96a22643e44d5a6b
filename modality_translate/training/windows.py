"""Curves read in windows: tenths of the rows that have a term, so that runs of any length are read the same way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modality_translate.training.history import Row

WINDOWS = 10
FEWEST_ROWS = 2 * WINDOWS

Series = NDArray[np.float64]


def curve(rows: list[Row], name: str) -> Series:
    """The values of a term, where it was recorded."""
    return np.array([row[name] for row in rows if name in row])


def tenths(series: Series) -> Series:
    """Means of its tenths; none of a series that is too short."""
    if series.size < FEWEST_ROWS:
        return np.empty(0)
    return np.array([part.mean() for part in np.array_split(series, WINDOWS)])


def about_trend(series: Series) -> Series:
    """The series less the line through it."""
    place = np.arange(series.size)
    return series - np.polyval(np.polyfit(place, series, 1), place)


def first_step(rows: list[Row], name: str) -> float:
    """Where a recorded term begins."""
    return next(row["step"] for row in rows if name in row)


def recent(rows: list[Row], term: str, step: float) -> float:
    """Mean of a term over the tenth of the run that ends at `step`."""
    before = curve([row for row in rows if row["step"] <= step], term)
    return float(before[-max(1, len(rows) // WINDOWS) :].mean())
