"""MR to CT of limbs and trunk: trained models beside the answers that need no network, in one table and one picture.

    python benchmarks/sts_mr_to_ct.py --model pix2pix=p2p.onnx --model cyclegan=cyc.onnx --picture sts.png

Every model file translates the held-out patients through `Translator`, as `mtranslate convert` does; the lookup is
fitted on the training patients. Scored inside the body of the CT (largest component above -300 HU, filled slice by
slice). Data: Soft-tissue-Sarcoma, TCIA, Vallieres et al. 2015, CC BY 3.0, in ../shared/data/paired_sts.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from modality_translate import Translator, read_volume
from modality_translate.evaluation.display import central_slices
from modality_translate.evaluation.floors import score_floors
from modality_translate.evaluation.matching import Files
from modality_translate.evaluation.scoring import Pair, make_pair, score_pair
from modality_translate.intensities.scaling import Window
from modality_translate.volumes import orient

DATA = Path(__file__).parents[2] / "shared" / "data" / "paired_sts"
HELD_OUT = ("STS_014", "STS_024", "STS_035", "STS_047")
COLUMNS = ("mae", "psnr", "ms_ssim", "mae_air", "mae_soft", "mae_bone")
LOW, HIGH = -160.0, 400.0


@dataclass(frozen=True)
class Row:
    """One answer: its scores per patient."""

    label: str
    scores: dict[str, dict[str, float]]

    def mean(self, metric: str) -> float:
        return float(np.mean([case[metric] for case in self.scores.values() if metric in case]))


def cases(names: Sequence[str]) -> list[Files]:
    return [Files(name, DATA / name / "mr_t1.nii.gz", DATA / name / "ct.nii.gz") for name in names]


def floor_rows() -> list[Row]:
    """The MR of this collection is standardised by its publisher, so the lookup may read raw values."""
    training = sorted(path.name for path in DATA.iterdir() if path.is_dir() and path.name not in HELD_OUT)
    floors = score_floors(cases(training), cases(HELD_OUT), Window(lo=0, hi=2000), "CT")
    return [Row(label, {case.name: case.metrics for case in floor.cases}) for label, floor in floors.items()]


def model_pairs(path: Path) -> dict[str, Pair]:
    translator = Translator.load(path)
    return {
        files.name: make_pair(translator.translate(files.predicted), read_volume(files.reference), None, "CT")
        for files in cases(HELD_OUT)
    }


def table(rows: list[Row]) -> str:
    """Markdown: cohort means, then the MAE of every patient."""
    heads = ["answer", "MAE HU", "PSNR dB", "MS-SSIM", "air", "soft", "bone", *HELD_OUT]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for row in rows:
        digits = {"psnr": 2, "ms_ssim": 4}
        means = [f"{row.mean(metric):.{digits.get(metric, 1)}f}" for metric in COLUMNS]
        lines.append("| " + " | ".join([row.label, *means, *(f"{row.scores[n]['mae']:.1f}" for n in HELD_OUT)]) + " |")
    return "\n".join(lines)


def picture(path: Path, models: dict[str, dict[str, Pair]]) -> None:
    """The middle axial slice of every held-out patient: MR, each model's CT, the real CT."""
    columns = ["MR", *models, "real CT"]
    figure = Figure(figsize=(2.2 * len(columns), 2.2 * len(HELD_OUT)), facecolor="black", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(HELD_OUT), len(columns), squeeze=False)
    for line, files in zip(axes, cases(HELD_OUT), strict=True):
        source = read_volume(files.predicted)
        pairs = [pairs[files.name] for pairs in models.values()]
        place = central_slices(pairs[0].mask)[0]
        images = [orient(source.array, source.grid)[0], *(pair.predicted for pair in pairs), pairs[0].reference]
        for axis, image, title in zip(line, images, columns, strict=True):
            low, high = (0.0, 1200.0) if title == "MR" else (LOW, HIGH)
            axis.imshow(place.of(image), cmap="gray", vmin=low, vmax=high)
            axis.set_axis_off()
            axis.set_title(f"{files.name} {title}" if title == "MR" else title, color="white", fontsize=9)
    caption = f"CT window {LOW:g} to {HIGH:g} HU. Synthetic images, not for diagnosis. Data: CC BY 3.0, see RESULTS.md."
    figure.supxlabel(caption, color="white", fontsize=7)
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], metavar="LABEL=FILE.onnx")
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    models = {label: model_pairs(Path(file)) for label, _, file in (m.partition("=") for m in arguments.model)}
    rows = floor_rows()
    for label, pairs in models.items():
        rows.append(Row(label, {name: score_pair(pair, "CT", "synthrad2025") for name, pair in pairs.items()}))
    print(table(rows))
    if arguments.picture:
        picture(arguments.picture, models)


if __name__ == "__main__":
    main()
