"""`mtranslate train`: from a recipe or two folders to a run folder with weights, curves and scores."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from modality_translate.cli import options
from modality_translate.cli.extras import needs_extra
from modality_translate.cli.train_workers import run_workers, start_workers, stop_without_parent

MODALITIES = click.Choice(["MR", "CT", "PET"], case_sensitive=False)


@click.command("train")
@click.argument("recipe", type=click.Path(path_type=Path), required=False)
@click.option("-a", "--source", help='Folder of source volumes, or a pattern such as "data/*/mr.nii.gz".')
@click.option("-b", "--target", help="Folder or pattern of target volumes; cases are matched by name.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Run folder to write.")
@click.option("--from", "source_modality", type=MODALITIES, help="Modality of -a; a CT is recognised.")
@click.option("--to", "target_modality", type=MODALITIES, help="Modality of -b; a CT is recognised.")
@click.option("--unpaired", is_flag=True, help="-a and -b show different patients.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set a field of the recipe; repeatable.")
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

    Writes OUTPUT/recipe.toml with every setting, averaged weights, metrics.csv, losses.svg, previews and the scores
    of the held-out cases. Ctrl-C saves the state; --resume goes on from it. Under torchrun or srun, started once per
    GPU, the processes find each other; OUTPUT must then be seen by every machine.

    Example: mtranslate train -a data/mr -b data/ct --from MR --to CT -o runs/first
    """
    if start_workers(devices):
        return run_workers(devices, output)
    with needs_extra("train", "mtranslate train"):
        from modality_translate.cli.train_recipe import Choice, check_free, chosen, settled
        from modality_translate.training.device import open_fabric
        from modality_translate.training.group import check_batch, group_from_environment, losses_named
        from modality_translate.training.held_out import score_held_out
        from modality_translate.training.interrupt import stop_requested
        from modality_translate.training.loop import train
        from modality_translate.training.run import RunFolder
        from modality_translate.training.session import Job, Session
    from modality_translate.cli.train_progress import TrainingBar, TrainingLines
    from modality_translate.cli.train_summary import summary

    stop_without_parent()
    run = RunFolder(output)
    choice = Choice(recipe, source, target, source_modality, target_modality, unpaired, overrides)
    wanted = chosen(choice, run, resume=resume)
    fabric = open_fabric(device, wanted.training.precision, threads, group_from_environment(devices))
    check_batch(wanted.training, fabric.world_size)
    leads = fabric.is_global_zero
    if leads and not resume:
        check_free(output)
    on_terminal = sys.stderr.isatty() and not quiet and leads
    with TrainingBar() if on_terminal else TrainingLines(quiet or not leads) as reporter, losses_named():
        with fabric.rank_zero_first():
            settled_recipe, split = settled(wanted, run, reporter, leads=leads)
        job = Job(settled_recipe, split, run, fabric, reporter)
        session = Session(job, resume=resume)
        if session.state.finished:
            reporter.say("This run is finished.")
        with stop_requested() as stop:
            finished = train(session, stop)
        if leads and finished and not run.held_out_file.is_file():
            score_held_out(job)
    if not leads:
        return 0 if finished else 130
    if not finished:
        click.echo(f"Stopped; the state is saved. Go on with: mtranslate train -o {output} --resume", err=True)
        return 130
    click.echo(summary(run))
    return 0
