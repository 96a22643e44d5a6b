"""losses.svg: the generator's terms, the game with its equilibrium, and the validation error, over the steps."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from modality_translate.errors import MissingExtraError
from modality_translate.training.files import write_bytes
from modality_translate.training.game_rules import CHANCE, EQUILIBRIUM, WON_BELOW
from modality_translate.training.history import Row

WIDTH, PANEL = 9.0, 2.3
"""Inches of the picture and of each panel's height."""
OF_THE_GAME = ("adversarial", "discriminator", "discriminator_r1")
ACCURACY = "discriminator_accuracy"
NO_TERM = ("step", "elapsed", "rate", ACCURACY, *OF_THE_GAME)


def write_curves(path: Path, rows: list[Row], title: str) -> None:
    """Draw the rows of a metrics.csv. Raises `MissingExtraError` without matplotlib."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    scores = [name for name in names if name.startswith("validation") and name.endswith(".mae")]
    game = [name for name in OF_THE_GAME if name in names]
    axes = iter(panels := _panels(1 + len(scores) + bool(game) + (ACCURACY in names)))
    _generator(next(axes), rows, [name for name in names if name not in NO_TERM and not name.startswith("validation")])
    if game:
        _game(next(axes), rows, game)
    if ACCURACY in names:
        _accuracy(next(axes), rows)
    for name in scores:
        _validation(next(axes), rows, name)
    panels[0].set_title(title)
    panels[-1].set_xlabel("step")
    panels[-1].set_xlim(0, 1.01 * rows[-1]["step"])
    write_bytes(path, _svg(panels[0].figure))


def _panels(count: int) -> list[Any]:
    """Empty axes below each other that share their steps."""
    try:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "matplotlib", "losses.svg needs it and it is not installed.", "pip install 'modality-translate[report]'"
        ) from error
    figure = Figure(figsize=(WIDTH, PANEL * count), layout="constrained")
    FigureCanvasSVG(figure)
    return list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])


def _svg(figure: Any) -> bytes:
    from matplotlib import rc_context

    buffer = BytesIO()
    # A fixed salt and no date: the same rows give the same file.
    with rc_context({"svg.hashsalt": "mtranslate"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _generator(axes: Any, rows: list[Row], terms: list[str]) -> None:
    """Every term on one logarithmic axis, as they differ by orders of magnitude."""
    for term in terms:
        _draw(axes, rows, term, "weighted sum" if term == "generator" else term)
    _logarithmic(axes)
    _finish(axes, "generator's terms")


def _game(axes: Any, rows: list[Row], terms: list[str]) -> None:
    """Logarithmic: a discriminator that has won is far below equilibrium, a new one may start far above."""
    for term in terms:
        _draw(axes, rows, term, term)
    _logarithmic(axes)
    _level(axes, EQUILIBRIUM, "equilibrium")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.5 * WON_BELOW), max(high, 1.5))
    _finish(axes, "loss")


def _accuracy(axes: Any, rows: list[Row]) -> None:
    _draw(axes, rows, ACCURACY, "discriminator's accuracy")
    _level(axes, CHANCE, "chance")
    axes.set_ylim(0, 1)
    _finish(axes, "share right")


def _logarithmic(axes: Any) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")


def _level(axes: Any, value: float, meaning: str) -> None:
    axes.axhline(value, color="black", linestyle="--", linewidth=1, label=f"{meaning} {value}")


def _validation(axes: Any, rows: list[Row], name: str) -> None:
    """The score with its best marked."""
    _draw(axes, rows, name, name)
    best = min((row for row in rows if name in row), key=lambda row: row[name])
    axes.plot(best["step"], best[name], "o", color="black", markersize=5, label=f"best {best[name]:.4g}")
    _finish(axes, name)


def _draw(axes: Any, rows: list[Row], name: str, label: str) -> None:
    points = [(row["step"], row[name]) for row in rows if name in row]
    axes.plot(*zip(*points, strict=True), label=label, linewidth=1, marker="." if len(points) < 30 else "")


def _finish(axes: Any, label: str) -> None:
    axes.set_ylabel(label)
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, frameon=False)
