"""The report's pictures, made from the pairs that were scored."""

from __future__ import annotations

from modality_translate.evaluation.display import DIFFERENCE, Window, central_slices
from modality_translate.evaluation.matching import Matches
from modality_translate.evaluation.panels import Images, Windows, panel_png, slice_png
from modality_translate.evaluation.report import Flicker, Panel, ReportContent
from modality_translate.evaluation.results import Evaluation
from modality_translate.evaluation.scoring import Pair, load_pair
from modality_translate.intensities.modality import ModalityName
from modality_translate.volumes.volume import Array

MOST_PANELS = 12
"""A report shows no more cases than this, so that it still opens at once."""


def case_panel(name: str, pair: Pair, modality: ModalityName, source: Array | None = None) -> Panel:
    """Three planes of the pair and its difference, and the central axial slice to flicker.

    `source` (X, Y, Z), on the pair's grid and in any unit, adds a column windowed by its in-mask percentiles. Raises
    `MissingExtraError` without matplotlib.
    """
    window = Window.of(modality)
    fitted = window if source is None else Window.fitted(source, pair.mask)
    png = panel_png(
        Images(source, pair.predicted, pair.reference, pair.mask, pair.grid.spacing),
        Windows(fitted, window, DIFFERENCE[modality]),
    )
    axial = central_slices(pair.mask)[0]
    synthetic, reference = (
        slice_png(array, axial, pair.grid.spacing, window) for array in (pair.predicted, pair.reference)
    )
    return Panel(name, png, flicker=Flicker(synthetic, reference))


def cohort_report(evaluation: Evaluation, matches: Matches) -> ReportContent:
    """A report on the evaluation of `matches`, with pictures of the cases with the largest errors.

    The volumes are read again, one case at a time. Raises `MissingExtraError` without matplotlib.
    """
    files = {case.name: case for case in matches.files}
    worst = [case.name for case in evaluation.worst_first[:MOST_PANELS]]
    modality = evaluation.modality
    panels = [case_panel(name, load_pair(files[name], modality), modality) for name in worst]
    cut = len(evaluation.cases) > MOST_PANELS
    notes = [f"Pictures show only the {MOST_PANELS} cases with the largest errors."] if cut else []
    return ReportContent(f"Synthetic against real {modality}", evaluation, panels, notes=notes)
