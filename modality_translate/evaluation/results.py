"""Scores of one or many cases: summary, text table and JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from modality_translate.evaluation.metrics import METRICS, Limits, Protocol, unit_of
from modality_translate.intensities.modality import ModalityName
from modality_translate.printable import plain

SUMMARY_ROWS = ("mean", "std", "median", "min", "max")


@dataclass(frozen=True)
class Case:
    """One scored case. `limits` is the value range PSNR and SSIM used, `voxels` the number scored."""

    name: str
    metrics: dict[str, float]
    limits: Limits
    voxels: int


@dataclass(frozen=True)
class Failure:
    """A case that could not be scored, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Statistics:
    """One metric over the cohort's finite values. `std` is the sample standard deviation, none for a single case."""

    mean: float
    std: float | None
    median: float
    min: float
    max: float
    cases: int

    @classmethod
    def of(cls, values: list[float]) -> Statistics:
        """From at least one finite value."""
        a = np.asarray(values, np.float64)
        std = float(a.std(ddof=1)) if a.size > 1 else None
        return cls(float(a.mean()), std, float(np.median(a)), float(a.min()), float(a.max()), a.size)


@dataclass(frozen=True)
class Evaluation:
    """What a comparison of predicted with reference volumes found."""

    modality: ModalityName
    units: str
    protocol: Protocol
    cases: tuple[Case, ...]
    failures: tuple[Failure, ...] = ()
    unanswered: tuple[str, ...] = ()
    """Reference cases without a predicted volume."""
    notes: tuple[str, ...] = ()
    """How the figures were made, where a reader could think otherwise."""

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics that at least one case has, in the order they are shown."""
        return [name for name in METRICS if any(name in case.metrics for case in self.cases)]

    @cached_property
    def summary(self) -> dict[str, Statistics]:
        """Each metric over the cases; a metric without a finite value is left out."""
        finite = {name: [v for v in self._values(name) if math.isfinite(v)] for name in self.metrics}
        return {name: Statistics.of(values) for name, values in finite.items() if values}

    @property
    def means(self) -> dict[str, float]:
        """Cohort means, the figures to compare with a baseline."""
        return {name: statistics.mean for name, statistics in self.summary.items()}

    @property
    def worst_first(self) -> list[Case]:
        """The cases by falling mean absolute error."""
        return sorted(self.cases, key=lambda case: (-case.metrics["mae"], case.name))

    def heading(self, metric: str) -> str:
        """Label and unit of a metric, such as "MAE [HU]"."""
        unit = unit_of(metric, self.units)
        return f"{METRICS[metric].label} [{unit}]" if unit else METRICS[metric].label

    def table(self) -> str:
        """Plain columns: one line per case, then the cohort; failures and notes below. No trailing newline."""
        rows = [["case", *(self.heading(metric) for metric in self.metrics)]]
        rows += [[case.name, *(shown(m, case.metrics.get(m)) for m in self.metrics)] for case in self.cases]
        if len(self.cases) > 1:
            rows += [[row, *(self._summarised(m, row) for m in self.metrics)] for row in SUMMARY_ROWS]
        lines = _columns(rows) if self.cases else []
        lines += [f"not scored: {failure.name}: {failure.reason}" for failure in self.failures]
        lines += [f"no prediction: {name}" for name in self.unanswered]
        return "\n".join(plain(line) for line in [*lines, *self.notes])

    def to_json(self) -> str:
        """The whole evaluation as indented JSON; figures that are not finite become null."""
        report = {
            "modality": self.modality,
            "units": self.units,
            "protocol": self.protocol,
            "cases": {c.name: {**c.metrics, "range": list(c.limits), "voxels": c.voxels} for c in self.cases},
            "summary": {name: asdict(statistics) for name, statistics in self.summary.items()},
            "failures": {failure.name: failure.reason for failure in self.failures},
            "unanswered": list(self.unanswered),
            "notes": list(self.notes),
        }
        return json.dumps(_finite(report), indent=2, ensure_ascii=False, allow_nan=False)

    def _values(self, metric: str) -> list[float]:
        return [case.metrics[metric] for case in self.cases if metric in case.metrics]

    def _summarised(self, metric: str, row: str) -> str:
        return shown(metric, getattr(self.summary[metric], row)) if metric in self.summary else "-"


def shown(metric: str, value: float | None) -> str:
    """A figure with the metric's number of digits; a dash where there is none."""
    return "-" if value is None else f"{value:.{METRICS[metric].digits}f}"


def _columns(rows: list[list[str]]) -> list[str]:
    """First column to the left, figures to the right, two blanks between."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
