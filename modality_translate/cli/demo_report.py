"""The demo's report: what was made, how good it is beside answers that need no network, and what it looks like."""

from __future__ import annotations

from pathlib import Path


def write_demo_report(folder: Path) -> str:
    """Write FOLDER/report.html from the demo's files; returns the table of scores as text."""
    from modality_translate.evaluation.figures import case_panel
    from modality_translate.evaluation.floors import score_floors
    from modality_translate.evaluation.matching import match
    from modality_translate.evaluation.report import ReportContent, write_report
    from modality_translate.evaluation.scoring import load_pair, score_matches
    from modality_translate.intensities.scaling import DEFAULT_SCALINGS
    from modality_translate.runtime.model_file import read_model
    from modality_translate.volumes import orient, read_volume

    matches = match(folder / "synthetic", folder / "test" / "ct")
    evaluation = score_matches(matches, "CT", "synthrad2025")
    known, unseen = (match(folder / cohort / "t1", folder / cohort / "ct").files for cohort in ("train", "test"))
    floors = score_floors(known, unseen, DEFAULT_SCALINGS["MR"], "CT")
    panels = []
    for files in matches.files:
        source = read_volume(folder / "test" / "t1" / files.predicted.name)
        panels.append(case_panel(files.name, load_pair(files, "CT"), "CT", orient(source.array, source.grid)[0]))
    content = ReportContent(
        title="MR to CT on phantom heads",
        evaluation=evaluation,
        panels=panels,
        baselines={label: floor.means for label, floor in floors.items()},
        images=[("Loss curves of the training.", (folder / "run" / "losses.svg").read_bytes())],
        card=read_model(folder / "model.onnx").card,
    )
    write_report(folder / "report.html", content, overwrite=True)
    return _beside_floors(evaluation.means, {label: floor.means for label, floor in floors.items()})


def _beside_floors(means: dict[str, float], floors: dict[str, dict[str, float]]) -> str:
    """MAE of the model and of every answer without a network, one per line."""
    rows = {"this model": means, **floors}
    lines = [f"{label:<18} MAE {row['mae']:6.1f} HU  ({means['mae'] / row['mae']:.0%})" for label, row in rows.items()]
    return "\n".join(["On heads never trained on (in brackets: the model's share of that error):", *lines])
