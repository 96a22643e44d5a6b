"""How much of what misaligned pairs cost is brought back by registering them: phantom heads, MR to CT.

    python benchmarks/misaligned.py -o /tmp/misaligned

The same heads are trained on aligned and with their MR moved by smooth elastic fields, whose median displacement inside
a head is 2 to 4 mm: as they are, registered before training (`data.registration = "elastic"`), by `reggan`, which
registers before and while it trains, and by its registration network alone. Every training has the same seed and steps,
no critic, and is scored on the same aligned heads of another seed (MAE in HU inside the body of the CT).

    recovered = (MAE misaligned plain - MAE) / (MAE misaligned plain - MAE aligned plain)
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import numpy as np

from afresh import trained
from modality_translate import read_volume
from modality_translate.data.subjects import COLUMNS
from modality_translate.phantom import PhantomSettings, write_cohort
from modality_translate.recipe import Recipe, recipe_from
from modality_translate.training.held_out import score_held_out

LARGEST = (5.2, 10.2)
"""Largest displacement of a head in mm; its median is 0.4 of that."""
TRAINING_SEED, TEST_SEED, TEST_HEADS = 1, 1001, 4
PLAIN: dict[str, Any] = {"kind": "pix2pix", "adversarial": 0.0}
REGGAN: dict[str, Any] = {"kind": "reggan", "adversarial": 0.0}
ALIGNED, MISALIGNED = "aligned, plain", "misaligned, plain"
ARMS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    ALIGNED: ("aligned", {}, PLAIN),
    MISALIGNED: ("moved", {}, PLAIN),
    "misaligned, reggan": ("moved", {}, REGGAN),
    "registered, plain": ("moved", {"registration": "elastic"}, PLAIN),
    "unregistered, reggan": ("moved", {"registration": "none"}, REGGAN),
}
"""Pairs, what is set of `data` beside them, objective."""


def make_heads(folder: Path, heads: int, spacing: float) -> None:
    """FOLDER/{aligned,moved,test} with the same training heads twice, and FOLDER/{aligned,moved}.csv."""
    still = PhantomSettings(spacing=spacing)
    moved = still.model_copy(update={"misalign": "elastic", "elastic": LARGEST})
    write_cohort(folder / "aligned", heads, TRAINING_SEED, still)
    write_cohort(folder / "moved", heads, TRAINING_SEED, moved)
    write_cohort(folder / "test", TEST_HEADS, TEST_SEED, still)
    for name in ("aligned", "moved"):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            rows = csv.writer(stream)
            rows.writerow(COLUMNS)
            rows.writerows(_row(name, index) for index in range(heads))
            rows.writerows(_row("test", index) for index in range(TEST_HEADS))


def _row(cohort: str, index: int) -> tuple[str, str, str]:
    file = f"sub-{index:03d}.nii.gz"
    return f"{cohort}-{index:03d}", f"{cohort}/t1/{file}", f"{cohort}/ct/{file}"


def medians(folder: Path, heads: int) -> list[float]:
    """Median displacement inside each moved head, in mm."""
    found = []
    for index in range(heads):
        inside = read_volume(folder / f"moved/labels/sub-{index:03d}.nii.gz").array > 0
        parts = [read_volume(folder / f"moved/field/sub-{index:03d}-{axis}.nii.gz").array for axis in "xyz"]
        found.append(float(np.median(np.sqrt(sum(part**2 for part in parts))[inside])))
    return found


def recipe(arm: str, steps: int, seed: int) -> Recipe:
    """One arm's: slices with two neighbours on either side."""
    pairs, chosen, objective = ARMS[arm]
    values = {
        "name": "misaligned",
        "seed": seed,
        "data": {
            "pairs": f"{pairs}.csv",
            **chosen,
            "validation": 0,
            "held_out": [f"test-{index:03d}" for index in range(TEST_HEADS)],
        },
        "source": {"modality": "MR"},
        "target": {"modality": "CT"},
        "geometry": {"patch": [64, 80], "context": 5},
        "objective": objective,
        "optimiser": {"lr": 2e-3, "warmup": 50, "clip": 1.0, "weight_decay": 1e-4},
        "training": {"steps": steps, "validate_every": steps, "checkpoint_every": steps, "ema": 0.99},
    }
    return recipe_from(values, "benchmark")


def mae(folder: Path, arm: str, steps: int, seed: int) -> float:
    """Train one arm afresh; its MAE over the test heads."""
    job = trained(recipe(arm, steps, seed), folder, folder / arm.replace(", ", "-"))
    return score_held_out(job)["forward"].means["mae"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--heads", type=int, default=12, help="Heads to train on.")
    parser.add_argument("--spacing", type=float, default=2.0, help="Voxel size in mm.")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if not (arguments.output / "moved.csv").exists():
        make_heads(arguments.output, arguments.heads, arguments.spacing)
    apart = medians(arguments.output, arguments.heads)
    print(f"median displacement: {min(apart):.1f} to {max(apart):.1f} mm, {np.mean(apart):.1f} on average")
    found = {}
    for arm in ARMS:
        began = time.monotonic()
        found[arm] = mae(arguments.output, arm, arguments.steps, arguments.seed)
        print(f"{arm}: {found[arm]:.1f} HU ({time.monotonic() - began:.0f} s)", flush=True)
    lost = found[MISALIGNED] - found[ALIGNED]
    for arm in list(ARMS)[2:]:
        print(f"{arm}: recovered {(found[MISALIGNED] - found[arm]) / lost:.0%} of {lost:.1f} HU")


if __name__ == "__main__":
    main()
