"""The limb and trunk patients of every benchmark: who is held out, how answers are scored, what needs no network.

Scored inside the body of the CT (largest component above -300 HU, filled slice by slice) by the SynthRAD 2025
definitions. Data: Soft-tissue-Sarcoma, TCIA, Vallieres et al. 2015, CC BY 3.0, in ../shared/data/paired_sts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modality_translate import Volume, read_volume
from modality_translate.data.check import check_cases
from modality_translate.data.subjects import Case
from modality_translate.evaluation.floors import score_floors
from modality_translate.evaluation.matching import Files
from modality_translate.evaluation.scoring import Pair, make_pair, score_pair
from modality_translate.intensities.scaling import Window

DATA = Path(__file__).parents[2] / "shared" / "data" / "paired_sts"
RECIPES = Path(__file__).parents[1] / "recipes"
HELD_OUT = ("STS_014", "STS_024", "STS_035", "STS_047")
DIGITS = {"psnr": 2, "ms_ssim": 4}

Scores = dict[str, dict[str, float]]
"""Metrics by patient."""


@dataclass(frozen=True)
class Row:
    """One answer: its scores per patient."""

    label: str
    scores: Scores

    def mean(self, metric: str, patients: Iterable[str] = HELD_OUT) -> float:
        """Over those of the patients that have the metric; not a number without any."""
        values = [self.scores[name][metric] for name in patients if metric in self.scores[name]]
        return float(np.mean(values)) if values else float("nan")

    def shown(self, metric: str, patients: Iterable[str] = HELD_OUT) -> str:
        return f"{self.mean(metric, patients):.{DIGITS.get(metric, 1)}f}"


def cases(names: Sequence[str]) -> list[Files]:
    """Source and reference files."""
    return [Files(name, DATA / name / "mr_t1.nii.gz", DATA / name / "ct.nii.gz") for name in names]


def training_names() -> list[str]:
    """All that are not held out."""
    return sorted(path.name for path in DATA.iterdir() if path.is_dir() and path.name not in HELD_OUT)


def tight_names() -> list[str]:
    """The held-out patients whose MR and CT `mtranslate check` calls well aligned."""
    pairs = tuple(Case(files.name, files.predicted, files.reference) for files in cases(HELD_OUT))
    return check_cases(pairs, ("MR", "CT")).named("ok")


def floor_rows() -> list[Row]:
    """The MR of this collection is standardised by its publisher, so the lookup may read raw values."""
    floors = score_floors(cases(training_names()), cases(HELD_OUT), Window(lo=0, hi=2000), "CT")
    return [Row(label, {case.name: case.metrics for case in floor.cases}) for label, floor in floors.items()]


def answers(translate: Callable[[Volume], Volume]) -> dict[str, Pair]:
    """The held-out patients' MR as `translate` makes CT of it, beside the real CT."""
    return {
        files.name: make_pair(translate(read_volume(files.predicted)), read_volume(files.reference), None, "CT")
        for files in cases(HELD_OUT)
    }


def scores(pairs: dict[str, Pair]) -> Scores:
    return {name: score_pair(pair, "CT", "synthrad2025") for name, pair in pairs.items()}


def markdown(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
