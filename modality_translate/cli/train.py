"""`mtranslate train`: from a recipe or two folders to a run folder with weights, curves and scores."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from modality_translate.cli import options
from modality_translate.cli.extras import needs_extra
from modality_translate.cli.train_progress import TrainingBar, TrainingLines
from modality_translate.cli.train_recipe import Choice, check_free, chosen, settled
from modality_translate.cli.train_summary import summary
from modality_translate.cli.train_workers import INTERRUPTED, run_workers, start_workers, stop_without_parent
from modality_translate.errors import RecipeError


@click.command("train")
@click.argument("recipe", type=options.NamedPath(), required=False)
@options.folders
@click.option("-o", "--output", type=options.NamedPath(), required=True, help="Run folder to write.")
@click.option("--resume", is_flag=True, help="Go on with the run in OUTPUT from its last saved state.")
@options.device
@click.option("--devices", type=click.IntRange(1, 1024), help="GPUs, or processes on a CPU, that share each batch.")
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads; torch's choice when left out.")
@options.quiet
def command(
    recipe: Path | None,
    source: str | None,
    target: str | None,
    output: Path,
    source_modality: str | None,
    target_modality: str | None,
    unpaired: bool,
    overrides: tuple[str, ...],
    resume: bool,
    device: str,
    devices: int | None,
    threads: int | None,
    quiet: bool,
) -> int:
    """Train a translator from RECIPE (.toml), or from two folders with -a and -b.

    Two folders are measured first, and the training is planned from them and for the device (see mtranslate plan):
    OUTPUT/recipe.toml carries each reason, OUTPUT/plan.json the figures. What you give with --from, --to, --unpaired
    and --set stands, and the rest is planned around it.

    Writes OUTPUT/recipe.toml with every setting, averaged weights, metrics.csv, losses.svg, previews and the scores
    of the held-out cases. Ctrl-C saves the state; --resume goes on from it. Under torchrun or srun, started once per
    GPU, the processes find each other; OUTPUT must then be seen by every machine.

    Example: mtranslate train -a data/mr -b data/ct -o runs/first
    """
    if start_workers(devices):
        return run_workers(devices or 1, output)
    stop_without_parent()
    choice = Choice(recipe, source, target, source_modality, target_modality, unpaired, overrides, device)
    return _train(choice, output, Where(device, devices, threads), resume=resume, quiet=quiet)


@dataclass(frozen=True)
class Where:
    """On what to train."""

    device: str
    devices: int | None
    threads: int | None


def _train(choice: Choice, output: Path, where: Where, *, resume: bool, quiet: bool) -> int:
    with needs_extra("train", "mtranslate train"):
        from modality_translate.training.device import open_fabric, slow_precision
        from modality_translate.training.group import check_batch, group_from_environment, losses_named
        from modality_translate.training.held_out import score_held_out
        from modality_translate.training.interrupt import stop_requested
        from modality_translate.training.loop import train
        from modality_translate.training.run import RunFolder
        from modality_translate.training.session import Job

    run = RunFolder(output)
    if not resume:
        check_free(output)
    group = group_from_environment(where.devices)
    follows = group is not None and group.environment.local_rank() > 0
    with _reporter(quiet=quiet or follows) as reporter:
        wanted = chosen(choice, run, reporter, resume=resume)
    fabric = open_fabric(where.device, wanted.recipe.training.precision, where.threads, group)
    check_batch(wanted.recipe.training, fabric.world_size)
    leads = fabric.is_global_zero
    with _reporter(quiet=quiet or not leads) as reporter, losses_named():
        if slow := slow_precision(fabric.device, wanted.recipe.training.precision):
            reporter.say(slow)
        with fabric.rank_zero_first():
            recipe, split = settled(wanted, run, reporter, leads=leads, resume=resume)
        job = Job(recipe, split, run, fabric, reporter)
        session = _opened(job, resume=resume)
        if session.state.finished:
            reporter.say("This run is finished.")
        with stop_requested() as stop:
            finished = train(session, stop)
        if leads and finished and not run.held_out_file.is_file():
            score_held_out(job)
    if leads:
        _tell(run, finished)
    return 0 if finished else INTERRUPTED


def _opened(job: Any, *, resume: bool) -> Any:
    """The session of `job`. What it refuses leaves an old run as it was, and no new one behind."""
    from modality_translate.training.session import Session

    try:
        session = Session(job, resume=resume)
    except RecipeError:
        # Others of several processes may still be reading the recipe.
        if not resume and job.fabric.world_size == 1:
            job.run.withdraw()
        raise
    if resume and job.fabric.is_global_zero:
        job.run.write_recipe(job.recipe)
    return session


def _reporter(*, quiet: bool) -> TrainingLines:
    return TrainingBar() if sys.stderr.isatty() and not quiet else TrainingLines(quiet)


def _tell(run: Any, finished: bool) -> None:
    if finished:
        click.echo(summary(run))
    else:
        again = f"mtranslate train -o {shlex.quote(str(run.path))} --resume"
        click.echo(f"Stopped; the state is saved. Go on with: {again}", err=True)
