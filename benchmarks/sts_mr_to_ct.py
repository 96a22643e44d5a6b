"""MR to CT of limbs and trunk: trained models beside the answers that need no network, in one table and one picture.

    python benchmarks/sts_mr_to_ct.py --model pix2pix=p2p.onnx --model cyclegan=cyc.onnx --picture sts.png

Every model file translates the held-out patients through `Translator`, as `mtranslate convert` does; the lookup is
fitted on the training patients. See limbs.py for the patients and the scores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from limbs import HELD_OUT, Row, answers, cases, floor_rows, markdown, scores
from modality_translate import Translator, read_volume
from modality_translate.evaluation.display import central_slices
from modality_translate.evaluation.scoring import Pair
from modality_translate.intensities.foreground import BODY_HU
from modality_translate.volumes import orient

COLUMNS = ("mae", "psnr", "ms_ssim", "mae_air", "mae_soft", "mae_bone")
LOW, HIGH = -160.0, 400.0


def table(rows: list[Row]) -> str:
    """Markdown: cohort means, then the MAE of every patient."""
    heads = ["answer", "MAE HU", "PSNR dB", "MS-SSIM", "air", "soft", "bone", *HELD_OUT]
    lines = [
        [row.label, *(row.shown(metric) for metric in COLUMNS), *(row.shown("mae", [name]) for name in HELD_OUT)]
        for row in rows
    ]
    return markdown(heads, lines)


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


def tissue_in_air(pairs: dict[str, Pair]) -> str:
    """Share of the voxels outside the real CT's body that a body mask of the answer would take in; no score sees it."""
    return ", ".join(f"{name} {np.mean(pair.predicted[~pair.mask] > BODY_HU):.0%}" for name, pair in pairs.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], metavar="LABEL=FILE.onnx")
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    models = {
        label: answers(Translator.load(file).translate)
        for label, _, file in (model.partition("=") for model in arguments.model)
    }
    print(table(floor_rows() + [Row(label, scores(pairs)) for label, pairs in models.items()]))
    for label, pairs in models.items():
        print(f"\n{label}, air outside the body that came out above {BODY_HU:g} HU: {tissue_in_air(pairs)}")
    if arguments.picture:
        picture(arguments.picture, models)


if __name__ == "__main__":
    main()
