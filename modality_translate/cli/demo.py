"""`mtranslate demo`: the commands a user types, in their order, on volumes the project makes itself."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

import click

from modality_translate.cli import options
from modality_translate.errors import TranslationError

TRAINING_SEED, TEST_SEED = 1, 1001


@click.command("demo")
@click.option("-o", "--output", type=options.NamedPath(), default=Path("demo"), show_default=True)
@click.option(
    "--subjects", type=click.IntRange(min=2), default=8, show_default=True, help="Phantom subjects to train on."
)
@click.option(
    "--spacing",
    type=click.FloatRange(0.5, 8.0),
    default=3.0,
    show_default=True,
    help="Voxel size of the phantom, in mm.",
)
@click.option("--steps", type=click.IntRange(min=1), default=1200, show_default=True, help="Training steps.")
@click.option("--overwrite", is_flag=True, help="Make an earlier demo folder anew.")
def command(output: Path, subjects: int, spacing: float, steps: int, overwrite: bool) -> None:
    """Train, export, convert and score on phantom heads: MR to CT, in a few minutes.

    Every step is one of the commands you would type for your own folders, and is shown before it runs.
    Ends with OUTPUT/report.html and OUTPUT/model.onnx.

    Example: mtranslate demo -o demo
    """
    from modality_translate.cli.demo_report import write_demo_report

    _prepare(output, overwrite)
    begin = time.monotonic()
    seen, unseen, run, model = output / "train", output / "test", output / "run", output / "model.onnx"
    grid = ["--spacing", f"{spacing:g}"]
    _step("phantom", "-o", seen, "-n", subjects, "--seed", TRAINING_SEED, *grid)
    _step("phantom", "-o", unseen, "-n", 3, "--seed", TEST_SEED, *grid)
    _step("train", "-a", seen / "t1", "-b", seen / "ct", "--from", "MR", "--to", "CT", "-o", run, *_settings(steps))
    _step("export", run, "-o", model)
    _step("convert", "-m", model, "-i", unseen / "t1", "-o", output / "synthetic")
    _step("evaluate", "-p", output / "synthetic", "-r", unseen / "ct", "--json", output / "scores.json")
    summary = write_demo_report(output)
    click.echo(summary)
    click.echo(f"Report: {output / 'report.html'}   Model: {model}   ({time.monotonic() - begin:.0f} s)")


def _settings(steps: int) -> list[str]:
    values = {
        "training.steps": steps,
        "training.validate_every": max(steps // 2, 1),
        "training.checkpoint_every": max(steps // 2, 1),
        "training.ema": 0.99,
        "optimiser.lr": 2e-3,
        "data.held_out": "[]",
        # The plan for two folders follows from them and from the machine; the demo shall give the same everywhere.
        "objective.kind": "pix2pix",
        "objective.ssim": 5.0,
        "objective.adversarial_from": 0.7,
        "generator.width": 16,
        "optimiser.warmup": 50,
        "training.precision": '"32"',
        "augmentation.noise": 0.0,
        # Phantom heads vary enough by themselves.
        "augmentation.moved": 0.0,
        "augmentation.mr_gamma": 0.0,
        "augmentation.mr_bias": 0.0,
    }
    return [part for key, value in values.items() for part in ("--set", f"{key}={value}")]


def _prepare(output: Path, overwrite: bool) -> None:
    """An output folder for this demo; a folder is only ever emptied when an earlier demo marked it as its own."""
    import shutil

    mark = output / ".mtranslate-demo"
    if output.exists() and any(output.iterdir()):
        if not mark.exists():
            raise TranslationError(output, "is not empty and not an earlier demo's.", "Choose another folder with -o.")
        if not overwrite:
            raise TranslationError(output, "holds an earlier demo.", "Choose another folder, or add --overwrite.")
        shutil.rmtree(output)
    output.mkdir(parents=True, exist_ok=True)
    mark.touch()


def _step(*arguments: object) -> None:
    """Show one command and run it as its own process, exactly as a user would."""
    words = [str(argument) for argument in arguments]
    click.secho(f"\n$ mtranslate {shlex.join(words)}", bold=True, err=True)
    status = subprocess.run([sys.executable, "-m", "modality_translate", *words], check=False).returncode
    if status:
        raise TranslationError(f"mtranslate {words[0]}", f"ended with exit code {status}.", "Its message stands above.")
