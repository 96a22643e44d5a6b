"""One HTML file that tells how good a translation is: opens anywhere, asks no server for anything, runs no script."""

from __future__ import annotations

import base64
import hashlib
import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from modality_translate.errors import MissingExtraError
from modality_translate.evaluation.artefacts import write_text
from modality_translate.evaluation.metrics import METRICS
from modality_translate.evaluation.results import SUMMARY_ROWS, Evaluation, shown

LIBRARIES = ("modality-translate", "numpy", "scipy", "scikit-image", "nibabel")

LOOK_FOR = (
    "Look at bone edges and air cavities first, where errors sit; then for structures that one image has and the other "
    "has not. A thin coloured rim along every edge speaks of misalignment rather than of a wrong model."
)


@dataclass(frozen=True)
class Flicker:
    """Two PNGs of one slice, shown at one place: the reference appears while the pointer rests on the picture."""

    synthetic: bytes
    reference: bytes


@dataclass(frozen=True)
class Panel:
    """One case's picture (PNG) and what to look for."""

    case: str
    png: bytes
    caption: str = LOOK_FOR
    flicker: Flicker | None = None


@dataclass(frozen=True)
class ReportContent:
    """Everything a report shows; what is empty is left out."""

    title: str
    evaluation: Evaluation
    panels: Sequence[Panel] = ()
    baselines: dict[str, dict[str, float]] = field(default_factory=dict)
    """Answer that needs no network -> metric -> cohort mean."""
    images: Sequence[tuple[str, bytes]] = ()
    """(caption, PNG or SVG bytes), such as the curves of training."""
    notes: Sequence[str] = ()
    """Warnings; shown at the top, together with the cases that could not be scored."""
    card: str = ""
    """The model card, plain text."""


@dataclass(frozen=True)
class Dot:
    """One case in a strip plot; `place` from 0 to 1 between the smallest and the largest value."""

    case: str
    place: float
    value: str


def write_report(path: Path, content: ReportContent, *, overwrite: bool = False) -> None:
    """Write the report as one self-contained HTML file.

    Raises `MissingExtraError` without jinja2 and `TranslationError` if the file cannot be made or replaced.
    """
    write_text(path, render(content), overwrite=overwrite)


def render(content: ReportContent) -> str:
    """The report's HTML; every text of the content is escaped. Raises `MissingExtraError` without jinja2."""
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise MissingExtraError(
            "jinja2", "reports need it and it is not installed.", "pip install 'modality-translate[report]'"
        ) from error
    style = _packaged("report.css")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_packaged("report.html")).render(
        content=content,
        evaluation=content.evaluation,
        metrics=METRICS,
        summary_rows=SUMMARY_ROWS,
        shown=shown,
        data_uri=_data_uri,
        strips={metric: strip(content.evaluation, metric) for metric in content.evaluation.summary},
        outliers=outliers(content.evaluation),
        comparison=_comparison(content),
        versions={"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        style=Markup(style),  # noqa: S704 (our own file)
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def strip(evaluation: Evaluation, metric: str) -> list[Dot]:
    """The cases along one metric, for a strip plot; a metric without spread puts every dot in the middle."""
    statistics = evaluation.summary[metric]
    width = statistics.max - statistics.min
    values = {case.name: case.metrics.get(metric, math.nan) for case in evaluation.cases}
    return [
        Dot(name, (value - statistics.min) / width if width > 0 else 0.5, shown(metric, value))
        for name, value in values.items()
        if math.isfinite(value)
    ]


def outliers(evaluation: Evaluation, cases_needed: int = 5, threshold: float = 3.5) -> set[tuple[str, str]]:
    """(case, metric) with a modified z-score beyond the threshold (Iglewicz and Hoaglin 1993), in cohorts large enough.

    The modified z-score is 0.6745 (value - median) / median absolute deviation: one bad case cannot hide itself.
    """
    found = set()
    for metric, statistics in evaluation.summary.items():
        values = {c.name: c.metrics[metric] for c in evaluation.cases if math.isfinite(c.metrics.get(metric, math.nan))}
        away = {name: abs(value - statistics.median) for name, value in values.items()}
        spread = sorted(away.values())[len(away) // 2]
        if len(values) >= cases_needed and spread > 0:
            found |= {(name, metric) for name, distance in away.items() if 0.6745 * distance / spread > threshold}
    return found


def _comparison(content: ReportContent) -> dict[str, dict[str, float]]:
    """The model's cohort means above those of the baselines."""
    return {"this model": content.evaluation.means} | content.baselines if content.baselines else {}


def _data_uri(image: bytes) -> str:
    """PNG or SVG bytes as the address of an image that needs no request."""
    kind = "png" if image.startswith(b"\x89PNG") else "svg+xml"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def _packaged(name: str) -> str:
    return files("modality_translate.evaluation").joinpath(name).read_text(encoding="utf-8")
