"""Six folder pairs, planned as `mtranslate train -a -b` plans them, trained for 50 steps and exported: one table.

    python benchmarks/plans.py -o runs/plans

Each run folder keeps its recipe.toml with the reasons and its plan.json. Data: ../shared/data, see its README.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from modality_translate.cli.export import command as export
from modality_translate.cli.train import command as train
from modality_translate.errors import TranslationError
from modality_translate.training.run import RunFolder

DATA = Path(__file__).parents[2] / "shared" / "data"
STEPS = 50
SHORT = [f"training.{key}={STEPS}" for key in ("steps", "validate_every", "checkpoint_every")]
HEADS = ("folders", "objective", "registration", "voxel mm", "patch", "network", "batch", "precision", "planned steps",
         "warnings", "losses finite", "export", "seconds")  # fmt: skip


@dataclass(frozen=True)
class Folders:
    """Two sides to train on, and the options that a person would have to add."""

    label: str
    source: str
    target: str
    options: tuple[str, ...] = ()


FOLDERS = (
    Folders("limbs, MR to CT", "paired_sts/*/mr_t1.nii.gz", "paired_sts/*/ct.nii.gz"),
    Folders("brains, T1 to T2", "paired_ms_mni/*/t1.nii.gz", "paired_ms_mni/*/t2.nii.gz"),
    Folders("gliomas, T1CE to FLAIR", "paired_brats/*/t1ce.nii.gz", "paired_brats/*/flair.nii.gz"),
    # This CT is uint8, not HU, and refused as a CT: its numbers are taken as they are.
    Folders("templates, T1 to CT", "*/t1.nii.gz", "*/ct.nii.gz", ("--to", "MR")),
    Folders("native grids, MR to CT", "native_sts/*/mr_t1.nii.gz", "native_sts/*/ct.nii.gz"),
    # The star begins after the first letter, so that the two, who are two people, do not get one name.
    Folders("bodies, MR and CT", "unpaired/m*_body_3mm.nii.gz", "unpaired/c*_body_3mm.nii.gz", ("--unpaired",)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", type=int, action="append", help="Number of a folder pair, from 0; repeatable.")
    arguments = parser.parse_args()
    chosen = arguments.only or range(len(FOLDERS))
    rows = [row(FOLDERS[number], arguments.output / str(number)) for number in chosen]
    print("\n".join(["| " + " | ".join(HEADS) + " |", "|" + " --- |" * len(HEADS), *rows]))


def row(folders: Folders, run: Path) -> str:
    """Plan, train and export one folder pair into `run`; its line of the table."""
    begun = time.monotonic()
    sides = ["-a", str(DATA / folders.source), "-b", str(DATA / folders.target), *folders.options]
    short = [part for setting in SHORT for part in ("--set", setting)]
    trained = outcome(train, [*sides, "-o", str(run), "-d", "cpu", *short])
    exported = outcome(export, [str(run), "-o", str(run / "model.onnx")])
    seconds = f"{time.monotonic() - begun:.0f}"
    plan = json.loads((run / "plan.json").read_text("utf-8"))
    planned = {decision["field"]: decision["value"] for decision in plan["decisions"]}
    finite = trained if trained != "ok" else ("yes" if losses_finite(RunFolder(run)) else "no")
    cells = [folders.label, *decided(planned), str(len(plan["warnings"])), finite, exported, seconds]
    return "| " + " | ".join(cells) + " |"


def decided(planned: dict[str, Any]) -> list[str]:
    """The decisions that tell plans apart."""
    depth = f" of {planned['geometry.context']} slices" if planned.get("geometry.context", 1) > 1 else ""
    patch = "x".join(map(str, planned["geometry.patch"])) + depth
    network = f"{planned['generator.kind']} {planned['generator.width']}"
    spacing = "x".join(f"{size:.3g}" for size in planned["geometry.spacing"])
    settings = [str(planned[f"training.{key}"]) for key in ("batch", "precision", "steps")]
    registration = planned.get("data.registration", "none")
    return [planned["objective.kind"], registration, spacing, patch, network, *settings]


def outcome(command: click.Command, arguments: list[str]) -> str:
    """ok, or what went wrong."""
    try:
        status = command.main(arguments, standalone_mode=False)
    except TranslationError as error:
        return str(error)
    return "ok" if not status else f"exit code {status}"


def losses_finite(run: RunFolder) -> bool:
    """Whether every logged loss is a number."""
    rows = run.metrics()
    return bool(rows) and all(math.isfinite(value) for row in rows for value in row.values())


if __name__ == "__main__":
    main()
