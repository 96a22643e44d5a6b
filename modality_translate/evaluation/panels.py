"""Pictures of a case as PNG bytes: the three body planes of source, synthetic image, reference and their difference."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modality_translate.errors import MissingExtraError
from modality_translate.evaluation.display import DIFFERENCE, Slice, Window, central_slices
from modality_translate.evaluation.metrics import Mask
from modality_translate.intensities.modality import ModalityName
from modality_translate.volumes.volume import Array

WARNING = "Synthetic image, not for diagnosis"

COLUMN_INCHES = 1.85
DOTS_PER_INCH = 144
HEAD_INCHES, LINE_INCHES, BAR_INCHES, GAP_INCHES = 0.3, 0.15, 0.7, 0.04
LETTERS_PER_INCH = 16
INK, PAPER, MARK = "#f2f2f2", "#000000", "#ffd54a"
# Black in the middle, so that what agrees recedes; cold where the synthetic image is too low, hot where too high.
COLD_TO_HOT = ("#b3ecff", "#1f7fd6", "#000000", "#d6481f", "#ffe0a3")


@dataclass(frozen=True)
class Windows:
    """What is shown as black and white in the source and target columns, and where difference colours saturate."""

    source: Window
    target: Window
    difference: float

    @classmethod
    def of(cls, source: ModalityName, target: ModalityName) -> Windows:
        """Default windows of two modalities."""
        return cls(Window.of(source), Window.of(target), DIFFERENCE[target])


@dataclass(frozen=True, eq=False)
class Images:
    """One case on one RAS+ grid: arrays (X, Y, Z), voxel sizes in mm; source and target may be missing."""

    source: Array | None
    synthetic: Array
    target: Array | None
    mask: Mask
    spacing: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class _Column:
    title: str
    array: NDArray[Any]
    low: float
    high: float
    colours: tuple[str, ...] = ("black", "white")


def panel_png(images: Images, windows: Windows) -> bytes:
    """A PNG with rows axial, coronal, sagittal and columns source, synthetic, reference, difference.

    Radiological display (patient's right on the left), true proportions, slices through the middle of the mask.
    Columns without an image are left out. Raises `MissingExtraError` without matplotlib.
    """
    columns, slices = _columns(images, windows), central_slices(images.mask)
    bar = BAR_INCHES if images.target is not None else 0.0
    width = len(columns) * COLUMN_INCHES + bar
    caption = textwrap.wrap(_caption(images, windows), int(width * LETTERS_PER_INCH))
    figure, cells = _sheet(width, bar, len(columns), _heights(images, slices), foot=LINE_INCHES * (len(caption) + 1))
    for row, place in enumerate(slices):
        for number, column in enumerate(columns):
            axes = figure.add_subplot(cells[row, number])
            picture = _draw(axes, column, place, images.spacing)
            if row == 0:
                axes.set_title(column.title, color=INK, fontsize=10, pad=5)
            if number == 0:
                _mark(axes, 0.02, 0.02, place.plane)
    if bar:
        _colour_bar(figure, picture, windows.target.units, left=1 - bar / width)
    figure.text(0.01, 0.01, "\n".join(caption), color=INK, fontsize=7.5, va="bottom", linespacing=1.4)
    return _png(figure)


def slice_png(array: Array, place: Slice, spacing: tuple[float, float, float], window: Window) -> bytes:
    """One slice of a RAS+ array alone, in true proportions and radiological display.

    Raises `MissingExtraError` without matplotlib.
    """
    pixels, (height, width) = place.of(array), place.pixel(spacing)
    rows, columns = pixels.shape
    inches = 2 * COLUMN_INCHES / max(rows * height, columns * width)
    figure = _figure(columns * width * inches, rows * height * inches)
    axes = figure.add_axes((0, 0, 1, 1))
    _draw(axes, _Column("", array, window.low, window.high), place, spacing)
    return _png(figure)


def _columns(images: Images, windows: Windows) -> list[_Column]:
    source, target = windows.source, windows.target
    columns = [_Column("synthetic", images.synthetic, target.low, target.high)]
    if images.source is not None:
        columns.insert(0, _Column("source", images.source, source.low, source.high))
    if images.target is not None:
        difference = np.where(images.mask, images.synthetic - images.target, np.float32(0))
        columns.append(_Column("reference", images.target, target.low, target.high))
        columns.append(_Column("difference", difference, -windows.difference, windows.difference, COLD_TO_HOT))
    return columns


def _heights(images: Images, slices: list[Slice]) -> list[float]:
    """Height in inches of each row of pictures, such that the widest of them fills its column."""
    pixels = [place.of(images.synthetic).shape for place in slices]
    sides = [place.pixel(images.spacing) for place in slices]
    widest = max(columns * side[1] for (_, columns), side in zip(pixels, sides, strict=True))
    return [rows * side[0] * COLUMN_INCHES / widest for (rows, _), side in zip(pixels, sides, strict=True)]


def _sheet(width: float, bar: float, columns: int, rows: list[float], foot: float) -> tuple[Any, Any]:
    """A figure `width` inches wide and its cells, with room for titles, caption and colour bar."""
    height = sum(rows) + HEAD_INCHES + foot
    figure = _figure(width, height)
    cells = figure.add_gridspec(
        len(rows),
        columns,
        height_ratios=rows,
        left=0,
        right=1 - bar / width,
        bottom=foot / height,
        top=1 - HEAD_INCHES / height,
        wspace=GAP_INCHES / COLUMN_INCHES,
        hspace=GAP_INCHES * len(rows) / sum(rows),
    )
    return figure, cells


def _draw(axes: Any, column: _Column, place: Slice, spacing: tuple[float, float, float]) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    height, width = place.pixel(spacing)
    colours = LinearSegmentedColormap.from_list("panel", column.colours)
    picture = axes.imshow(
        place.of(column.array), cmap=colours, vmin=column.low, vmax=column.high, aspect=height / width
    )
    axes.set_axis_off()
    left, right, top = place.sides
    _mark(axes, 0.02, 0.5, left)
    _mark(axes, 0.98, 0.5, right, ha="right")
    _mark(axes, 0.5, 0.98, top, ha="center", va="top")
    return picture


def _mark(axes: Any, x: float, y: float, text: str, ha: str = "left", va: str = "bottom") -> None:
    """A small word at a relative place of the picture, readable on black and on white."""
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2, foreground=PAPER)]
    axes.text(x, y, text, color=MARK, fontsize=7, ha=ha, va=va, transform=axes.transAxes, path_effects=outline)


def _colour_bar(figure: Any, picture: Any, units: str, left: float) -> None:
    axes = figure.add_axes((left + 0.25 * (1 - left), 0.25, 0.15 * (1 - left), 0.5))
    bar = figure.colorbar(picture, cax=axes)
    bar.ax.tick_params(colors=INK, labelsize=7)
    bar.ax.set_title(units, color=INK, fontsize=7, loc="left")


def _caption(images: Images, windows: Windows) -> str:
    parts = [
        f"synthetic and reference {windows.target}" if images.target is not None else f"synthetic {windows.target}"
    ]
    if images.source is not None:
        parts.insert(0, f"source {windows.source}")
    if images.target is not None:
        parts.append(
            f"difference synthetic - reference, ±{windows.difference:g} {windows.target.units}, inside the mask"
        )
    return f"{WARNING}. Windows: {'; '.join(parts)}."


def _figure(width: float, height: float) -> Any:
    """A matplotlib figure of its own, so that no backend or style of the host program is touched."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "matplotlib", "pictures need it and it is not installed.", "pip install 'modality-translate[report]'"
        ) from error
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Any) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", facecolor=PAPER, metadata={"Software": None})
    return buffer.getvalue()
