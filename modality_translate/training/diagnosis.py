"""Is the game lost, and what to change: rules on the rows of metrics.csv, each a function of its own.

A rule compares windows, tenths of the rows that have its term, so that it reads a run of any length the same way; a
run with too few rows is not judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from modality_translate.training.files import write_text
from modality_translate.training.game_rules import (
    discriminator_behind,
    discriminator_dead,
    discriminator_won,
    oscillating,
)
from modality_translate.training.history import Row
from modality_translate.training.verdict import Verdict
from modality_translate.training.windows import FEWEST_ROWS, curve, recent, tenths

DIAGNOSIS = "diagnosis.json"
FEWEST_VALIDATIONS = 3
REGRESSION = ("l1", "cycle", "nce", "ssim", "gradient")
"""Terms that fall while a generator learns; the first one a run has is read."""


Rule = Callable[[list[Row]], Verdict | None]


def diagnose(rows: list[Row]) -> list[Verdict]:
    """Every verdict that the rows of a metrics.csv support; "healthy" if no rule finds anything wrong."""
    if len(rows) < FEWEST_ROWS:
        return [_too_short("the run", len(rows), {"training.steps": "more"})]
    found = [verdict for rule in RULES if (verdict := rule(rows))]
    found = found or [_healthy(rows)]
    game = curve(rows, "discriminator").size
    if 0 < game < FEWEST_ROWS:
        found.append(_too_short("the part with a discriminator", game, {"objective.adversarial_from": "earlier"}))
    return found


def write_diagnosis(path: Path, rows: list[Row]) -> None:
    """The verdicts as JSON, with the step they were made at."""
    content = {"step": rows[-1]["step"], "verdicts": [asdict(verdict) for verdict in diagnose(rows)]}
    write_text(path, json.dumps(content, indent=2) + "\n")


def collapsed(rows: list[Row]) -> Verdict | None:
    """The synthetic images vary by less than a tenth of what the targets do."""
    term = _regression(rows)
    for direction in _directions(rows, "spread"):
        spread = curve(rows, f"{direction}.spread")[-1]
        if spread < 0.1:
            return Verdict(
                "collapsed",
                f"synthetic slices ({direction}) differ from each other by {100 * spread:.1f} % of what the targets do",
                "The generator answers nearly the same whatever it is given.",
                {
                    "objective.adversarial": "half as much",
                    **({f"objective.{term}": "twice as much"} if term else {}),
                    "optimiser.lr": "half as much",
                },
                {"spread": spread},
            )
    return None


def overfitting(rows: list[Row]) -> Verdict | None:
    """The validation error rose by more than 5 % from its best while the training error went on falling."""
    term = _regression(rows)
    for direction in _directions(rows, "mae") if term else ():
        scored = [row for row in rows if f"{direction}.mae" in row]
        best, last = min(scored, key=lambda row: row[f"{direction}.mae"]), scored[-1]
        rise = last[f"{direction}.mae"] / best[f"{direction}.mae"] - 1
        then, now = recent(rows, term, best["step"]), recent(rows, term, last["step"])
        if len(scored) >= FEWEST_VALIDATIONS and rise > 0.05 and now < 0.98 * then:
            return Verdict(
                "overfitting",
                f"{direction} MAE rose by {100 * rise:.0f} % from its best, {best[f'{direction}.mae']:.4g} at step"
                f" {best['step']:.0f}, while the training {term} fell from {then:.3g} to {now:.3g}",
                "The network learns its training cases by heart.",
                {
                    "data.source": "more cases",
                    "training.keep": '"best"',
                    "training.steps": f"about {best['step']:.0f}",
                    "augmentation.rotate": "10 or more",
                    "augmentation.scale": "0.1 or more",
                    "generator.dropout": "0.1 to 0.3",
                },
                {"rise": rise, "best_step": best["step"], "term_then": then, "term": now},
            )
    return None


def not_learning(rows: list[Row]) -> Verdict | None:
    """The training error fell by less than 5 % over the whole run."""
    if not (term := _regression(rows)):
        return None
    series = curve(rows, term)
    first, last = series[: max(3, series.size // 20)].mean(), tenths(series)[-1]
    if last < 0.95 * first:
        return None
    return Verdict(
        "not learning",
        f"the training {term} went from {first:.3g} to {last:.3g} ({100 * (last / first - 1):+.1f} %)",
        "The rate is wrong by far, or source and target do not show the same thing.",
        {"optimiser.lr": "1e-3, then 1e-4", "optimiser.clip": "1 if the losses jump", "data.target": "check the pairs"},
        {"first": first, "last": last},
    )


RULES: tuple[Rule, ...] = (
    discriminator_won,
    discriminator_dead,
    discriminator_behind,
    oscillating,
    collapsed,
    overfitting,
    not_learning,
)


def _too_short(what: str, rows: int, change: dict[str, str]) -> Verdict:
    evidence = f"{what} has {rows} rows of losses, {FEWEST_ROWS} are needed"
    return Verdict("too short to judge", evidence, "So few say nothing reliable.", change, {"rows": rows})


def _healthy(rows: list[Row]) -> Verdict:
    term = _regression(rows)
    if not term:
        return Verdict("healthy", f"{len(rows)} rows of losses", "No rule found anything wrong.")
    first, last = curve(rows, term)[0], tenths(curve(rows, term))[-1]
    evidence = f"the training {term} fell from {first:.3g} to {last:.3g}"
    return Verdict("healthy", evidence, "No rule found anything wrong.", {}, {"first": first, "last": last})


def _directions(rows: list[Row], score: str) -> list[str]:
    """Of "validation" and "validation_backward" those with this score."""
    return [name for name in ("validation", "validation_backward") if curve(rows, f"{name}.{score}").size]


def _regression(rows: list[Row]) -> str:
    """The training error that is read, or nothing."""
    return next((name for name in REGRESSION if curve(rows, name).size >= FEWEST_ROWS), "")
