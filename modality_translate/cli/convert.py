"""`mtranslate convert`: a volume or a folder of volumes through a model file. Never imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click

from modality_translate.cli import options


@click.command("convert")
@click.option(
    "-m",
    "--model",
    type=options.NamedPath(),
    required=True,
    help="Model file (.onnx), or the name of a shipped model, such as limb-mr-to-ct.",
)
@click.option("-i", "--input", "source", type=options.NamedPath(), required=True, help="Volume or folder.")
@click.option("-o", "--output", type=options.NamedPath(), required=True, help="Folder, or file for one volume.")
@options.device
@options.engine
@click.option("--on-exists", type=click.Choice(["error", "skip", "overwrite"]), default="error", show_default=True,
              help="What to do where an output is already there.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with a run that ended early: keep what this model made of these "
              "very inputs with these options, and make the rest, also what another model made.")  # fmt: skip
@click.option("--num-parts", type=click.IntRange(min=1), help="Split the volumes into so many parts, and convert one: "
              "for job arrays.")  # fmt: skip
@click.option("--part-id", type=click.IntRange(min=0), help="Which part of --num-parts, counted from 0.")
@click.option("--format", "form", type=click.Choice(["nii.gz", "nii"]), default="nii.gz", show_default=True,
              help="Files to write into a folder.")  # fmt: skip
@click.option("--overlap", type=click.FloatRange(0, 1, max_open=True), help="Of neighbouring patches; the model's own "
              "when left out. Less is faster, more is smoother.")  # fmt: skip
@click.option("--follow-links", is_flag=True, help="Convert also what links lead to outside the input folder.")
@click.option("--force", is_flag=True, help="Convert also volumes unlike those the model was trained on.")
@click.option("--frame", type=click.IntRange(min=0), help="Which frame of 4D volumes to convert, counted from 0.")
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads, all cores when left out; --workers share "
              "them, with --scheduler they are each worker's.")  # fmt: skip
@click.option("--memory", type=options.SIZE, metavar="SIZE", help="What the process may take, such as 4GB: volumes "
              "wait until they fit, and one that never does lies in files beside its output. --workers share it, with "
              "--scheduler it is each worker's.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 1024), help="Convert in so many processes on this machine.")
@click.option("--scheduler", metavar="ADDRESS", help="Convert on the dask cluster with this scheduler, such as "
              "tcp://node1:8786; its workers must see the same files under the same paths.")  # fmt: skip
@click.option("--trust-model", is_flag=True, help="Skip the trial, under a limit of time and memory, of a model file "
              "that this machine has not met.")  # fmt: skip
@click.option("--report", type=options.NamedPath(), callback=options.ending(".json"), help="Where to write the "
              "report, a .json file; report.json in the output folder when left out.")  # fmt: skip
@options.quiet
def command(
    model: Path,
    source: Path,
    output: Path,
    device: str,
    engine: Literal["auto", "onnxruntime", "openvino", "tensorrt"],
    on_exists: Literal["error", "skip", "overwrite"],
    resume: bool,
    num_parts: int | None,
    part_id: int | None,
    form: Literal["nii.gz", "nii"],
    overlap: float | None,
    follow_links: bool,
    force: bool,
    frame: int | None,
    threads: int | None,
    memory: float | None,
    workers: int | None,
    scheduler: str | None,
    trust_model: bool,
    report: Path | None,
    quiet: bool,
) -> int:
    """Translate a volume, or every volume of a folder, with MODEL.

    The tree and the names are kept, and each result lies on its input's own grid, in HU, SUV or scaled MR. Exit codes:
    0 all done, 1 failed, 2 wrong usage, 3 no volume found, 4 model refused, 5 device not available, 8 some volumes
    failed, 130 and 143 interrupted: what is written is whole then, and --resume makes the rest.

    Several runs with --resume may share an output folder; each volume is converted by one of them. --on-exists skip
    keeps whatever file is there; --resume keeps a file only if the journal in OUTPUT/.mtranslate proves that it is what
    this model made of this input, and --on-exists is then for files that the journal does not know.

    Example: mtranslate convert -m mr-to-ct.onnx -i scans/ -o synthetic/
    """
    from modality_translate.runtime.allocator import return_large_blocks
    from modality_translate.runtime.errand import Loading
    from modality_translate.runtime.folder import ready
    from modality_translate.runtime.plan import check_writable, plan
    from modality_translate.runtime.report import part_report, report_path, write_report
    from modality_translate.runtime.stop import Stop, stopping_on_signals
    from modality_translate.runtime.work import Options

    if (num_parts is None) != (part_id is None):
        raise click.UsageError("--num-parts and --part-id go together.")
    if workers is not None and scheduler is not None:
        raise click.UsageError("--workers and --scheduler exclude each other: the scheduler has workers of its own.")
    return_large_blocks()
    todo = plan(source, output, ".nii.gz" if form == "nii.gz" else ".nii", follow_links=follow_links)
    written = report_path(todo, report)
    if num_parts is not None and part_id is not None:
        todo, written = todo.part(part_id, num_parts), part_report(written, part_id, num_parts)
    if written is not None:
        check_writable(written)
    each = memory / workers if memory and workers else memory
    settings = Options(on_exists, force, frame, resume, each)
    ready(todo, settings)
    stop, loading = Stop(), Loading(str(model), device, threads, overlap, trust_model, engine)
    with _hands(loading, workers, scheduler, quiet) as convert, stopping_on_signals(stop):
        with _watcher(quiet) as watcher:
            conversion = convert(todo, settings, watcher, stop)
        if written is not None:
            write_report(written, conversion)
        click.echo(conversion.summary())
        return _ended(stop, conversion.exit_code)


@contextmanager
def _hands(loading: Any, workers: int | None, scheduler: str | None, quiet: bool) -> Iterator[Callable[..., Any]]:
    """Who converts: this process, processes of its own, or a cluster."""
    from modality_translate.runtime.cluster import connected, local_workers
    from modality_translate.runtime.folder import convert_on_cluster

    if scheduler is not None:
        with connected(scheduler) as client:
            yield partial(convert_on_cluster, client, loading.elsewhere())
    elif workers is not None:
        with local_workers(workers) as client:
            yield partial(convert_on_cluster, client, loading.shared(workers))
    else:
        yield partial(_convert_here, loading.load(), quiet)


def _convert_here(translator: Any, quiet: bool, todo: Any, settings: Any, watcher: Any, stop: Any) -> Any:
    """In this process; what is to be said of the engine is said before and, where it changed, after."""
    from modality_translate.runtime.folder import convert_folder

    told = translator.engine.note
    if told and not quiet:
        click.echo(told, err=True)
    conversion = convert_folder(translator, todo, settings, watcher, stop)
    if conversion.note != told and not quiet:
        click.echo(conversion.note.removeprefix(told).strip(), err=True)
    return conversion


def _ended(stop: Any, exit_code: int) -> int:
    """The exit code. After a stop the end comes at once: an engine or a cluster may not answer for long."""
    import os
    import sys

    if stop.asked:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(stop.exit_code)
    return exit_code


def _watcher(quiet: bool) -> Any:
    """A bar where someone can see it, one line per failure everywhere."""
    import sys

    from modality_translate.cli.progress import Bar, Lines

    return Bar() if sys.stderr.isatty() and not quiet else Lines(quiet)
