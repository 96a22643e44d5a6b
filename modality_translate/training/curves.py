"""losses.svg: what generator and discriminator did over the steps, and the validation error below."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from modality_translate.errors import MissingExtraError
from modality_translate.training.files import write_bytes
from modality_translate.training.history import Row

EQUILIBRIUM = 0.25
"""Least-squares loss of either network when the discriminator answers 1/2 everywhere (targets 0 and 1, averaged)."""
INCHES = (8.0, 7.5)


def write_curves(path: Path, rows: list[Row], title: str) -> None:
    """Draw the rows of a metrics.csv. Raises `MissingExtraError` without matplotlib."""
    figure = _figure()
    names = list(dict.fromkeys(name for row in rows for name in row))
    adversarial = [name for name in names if "discriminator" in name or "adversarial" in name]
    scores = [name for name in names if name.startswith("validation") and name.endswith(".mae")]
    known = {"step", "elapsed", "rate", *adversarial}
    others = [name for name in names if name not in known and not name.startswith("validation")]
    top, middle, bottom = figure.subplots(3, 1, sharex=True)
    _draw(top, rows, adversarial, "adversarial loss")
    if adversarial:
        top.axhline(EQUILIBRIUM, color="grey", linestyle="--", linewidth=1, label="equilibrium 0.25")
        top.legend(fontsize=7)
    _draw(middle, rows, others, "other losses")
    _draw(bottom, rows, scores, "validation MAE")
    top.set_title(title)
    bottom.set_xlabel("step")
    write_bytes(path, _svg(figure))


def _figure() -> Any:
    try:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "matplotlib", "losses.svg needs it and it is not installed.", "pip install 'modality-translate[report]'"
        ) from error
    figure = Figure(figsize=INCHES, layout="constrained")
    FigureCanvasSVG(figure)
    return figure


def _svg(figure: Any) -> bytes:
    from matplotlib import rc_context

    buffer = BytesIO()
    # A fixed salt and no date: the same rows give the same file.
    with rc_context({"svg.hashsalt": "mtranslate"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _draw(axes: Any, rows: list[Row], names: list[str], label: str) -> None:
    for name in names:
        points = [(row["step"], row[name]) for row in rows if name in row]
        axes.plot(*zip(*points, strict=True), label=name, linewidth=1, marker="." if len(points) < 30 else "")
    axes.set_ylabel(label)
    if names:
        axes.legend(fontsize=7)
