"""What `mtranslate check` prints: a table with a verdict per case, the reasons, and what to do about them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from modality_translate.printable import plain

HEADER = ("case", "verdict", "role", "source grid", "target grid", "overlap", "apart mm", "p90 mm", "shift mm", "agree")
NONE = "-"
VERDICTS = ("ok", "loose", "bad", "error")
ADVICE = {
    "loose": "Train with --set data.registration=elastic (plan and train -a -b choose it for pairs more than 2 mm "
    "apart in the median); exact pairs are best held out.",
    "bad": "Leave these out or repair them. Wrong partners: name the right ones in a pairs.csv (case,source,target). "
    "Different patients on purpose: --unpaired. Far apart: register first. Duplicates: keep one.",
    "error": "Replace these files, or name their modality with --from and --to; CT must be in HU and PET in SUV.",
}


def lines(report: Any, notes: tuple[str, ...]) -> list[str]:
    """The whole text for a `data.check.Report` and what was left out when its cases were found."""
    rows = [HEADER, *(_row(finding) for finding in report.findings)]
    # A column that says nothing about any case is left out.
    used = [i for i in range(len(HEADER)) if any(row[i] != NONE for row in rows[1:])]
    widths = {i: max(len(row[i]) for row in rows) for i in used}
    table = ["  ".join(row[i].ljust(widths[i]) for i in used).rstrip() for row in rows]
    reasons = [f"{plain(f.name)}: {plain('; '.join(f.reasons))}" for f in report.findings if f.reasons]
    return [
        *table,
        "",
        *(plain(note) for note in notes),
        *reasons,
        *([""] if reasons or notes else []),
        *_summary(report),
    ]


def _row(finding: Any) -> tuple[str, ...]:
    found = finding.misalignment
    figures = (
        (
            f"{found.median:.1f}",
            f"{found.p90:.1f}",
            " ".join(f"{round(s, 1) + 0.0:.1f}" for s in found.shift),
            f"{found.agreement:.2f}",
        )
        if found
        else (NONE,) * 4
    )
    return (
        plain(finding.name),
        finding.verdict,
        finding.role or NONE,
        _grid(finding.source),
        "same" if finding.same_grid else _grid(finding.target),
        NONE if finding.overlap is None else f"{finding.overlap:.0%}",
        *figures,
    )


def _grid(facts: Any) -> str:
    if facts is None:
        return NONE
    shape, spacing = "x".join(map(str, facts.shape)), "x".join(f"{size:.3g}" for size in facts.spacing)
    return f"{shape} {spacing} {facts.orientation}"


def _summary(report: Any) -> list[str]:
    counts = Counter(finding.verdict for finding in report.findings)
    sides = " to ".join(modality or "not CT (not named: units not judged)" for modality in report.modalities)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    result = [f"{len(report.findings)} cases, {sides}: {told}"]
    for verdict, advice in ADVICE.items():
        if names := report.named(verdict):
            result += [f"{verdict}: {plain(', '.join(names))}", f"  {advice}"]
    if "PET" in report.modalities and any(finding.misalignment for finding in report.findings):
        result.append("PET has no sharp edges: its figures are coarse, and no verdict was drawn from them.")
    return result
