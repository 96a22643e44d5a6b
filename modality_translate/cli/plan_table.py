"""What `mtranslate plan` and `train` print: the fingerprint of two folders, each decision with its reason, warnings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modality_translate.printable import plain


def lines(plan: Any) -> list[str]:
    """The whole text for a `data.plan.Plan`: fingerprint, decisions, warnings."""
    found = plan.fingerprint
    rows = [("", "source", "target"), *_rows(found.source, found.target)]
    aside = [plain(note) for note in plan.notes]
    return [*_aligned(rows), "", *_pairs(found), f"machine: {plan.machine}", "", *plan_lines(plan), *aside]


def plan_lines(plan: Any) -> list[str]:
    """A line for every decision (field, value, reason), then the warnings."""
    from modality_translate.data.plan import settled

    rows = [(d.field, _value(value), _reason(d, value)) for d, value in settled(plan.recipe, plan.decisions)]
    return [*_aligned(rows), *(f"Warning: {plain(warning)}" for warning in plan.warnings)]


def _rows(*sides: Any) -> list[tuple[str, ...]]:
    numbers = [side.intensities for side in sides]
    table = {
        "files (voxels read)": [f"{side.files} ({side.read})" for side in sides],
        "modality": [f"{side.modality}, {side.known_by}" for side in sides],
        "voxel mm, median": [_by(side.spacing) for side in sides],
        "voxel mm, p10": [_by(side.spacing_p10) for side in sides],
        "shape, median": [_by(side.shape) for side in sides],
        "shape, p10": [_by(side.shape_p10) for side in sides],
        "stored": [f"{' '.join(side.orientations)} {' '.join(side.stored)}" for side in sides],
        "body 0.5, 50, 99.5 %": [", ".join(f"{value:.4g}" for value in n.percentiles) for n in numbers],
        "body mean, std": [f"{n.mean:.4g}, {n.std:.4g}" for n in numbers],
        "outside the body": [f"{n.background:.0%}" for n in numbers],
        "noise": [f"{n.noise:.3g}" for n in numbers],
        "uneven field": [f"{n.field:.2f}" for n in numbers],
    }
    return [(name, *cells) for name, cells in table.items()]


def _pairs(found: Any) -> list[str]:
    from modality_translate.data.fingerprint import patients_of

    alignment, count = found.alignment, f"{len(found.pairs)} pairs of {len(patients_of(found.pairs))} patients"
    if alignment is None:
        return [count if found.pairs else "no pairs"]
    apart = f"{alignment.median:.1f} mm apart (90th percentile {alignment.p90:.1f})"
    agree = f"edges agree by {alignment.agreement:.2f}"
    return [f"{count}; {alignment.pairs} measured: {apart}, {agree}"]


def _reason(decision: Any, value: Any) -> str:
    return decision.reason if value == decision.value else f"given; the plan: {_value(decision.value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(_value(item) for item in value.values())
    if isinstance(value, list):
        return ",".join(_value(item) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) else plain(str(value))


def _by(sizes: Sequence[float]) -> str:
    return "x".join(f"{size:.3g}" for size in sizes)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
