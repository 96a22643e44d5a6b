"""`mtranslate train`: from a recipe or two folders to a run folder with weights, curves and scores."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from modality_translate.cli import options
from modality_translate.cli.extras import needs_extra


@click.command("train")
@click.argument("recipe", type=click.Path(path_type=Path), required=False)
@options.folders
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Run folder to write.")
@click.option("--resume", is_flag=True, help="Go on with the run in OUTPUT from its last saved state.")
@options.device
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
    threads: int | None,
    quiet: bool,
) -> int:
    """Train a translator from RECIPE (.toml), or from two folders with -a and -b.

    Two folders are measured first, and the training is planned from them and for the device (see mtranslate plan):
    OUTPUT/recipe.toml carries each reason, OUTPUT/plan.json the figures. What you give with --from, --to, --unpaired
    and --set stands, and the rest is planned around it.

    Writes OUTPUT/recipe.toml with every setting, averaged weights, metrics.csv, losses.svg, previews and the scores
    of the held-out cases. Ctrl-C saves the state; --resume goes on from it.

    Example: mtranslate train -a data/mr -b data/ct -o runs/first
    """
    with needs_extra("train", "mtranslate train"):
        from modality_translate.cli.train_recipe import Choice, choose
        from modality_translate.training.device import open_fabric
        from modality_translate.training.held_out import score_held_out
        from modality_translate.training.interrupt import stop_requested
        from modality_translate.training.loop import train
        from modality_translate.training.run import RunFolder
        from modality_translate.training.session import Job, Session
    from modality_translate.cli.train_progress import TrainingBar, TrainingLines
    from modality_translate.cli.train_summary import summary

    run = RunFolder(output)
    choice = Choice(recipe, source, target, source_modality, target_modality, unpaired, overrides, device)
    on_terminal = sys.stderr.isatty() and not quiet
    with TrainingBar() if on_terminal else TrainingLines(quiet) as reporter:
        settled, split = choose(choice, run, reporter, resume=resume)
        fabric = open_fabric(device, settled.training.precision, threads)
        job = Job(settled, split, run, fabric, reporter)
        session = Session(job, resume=resume)
        if session.state.finished:
            reporter.say("This run is finished.")
        with stop_requested() as stop:
            finished = train(session, stop)
        if finished and not run.held_out_file.is_file():
            score_held_out(job)
    if not finished:
        click.echo(f"Stopped; the state is saved. Go on with: mtranslate train -o {output} --resume", err=True)
        return 130
    click.echo(summary(run))
    return 0
