"""`mtranslate convert`: a volume or a folder of volumes through a model file. Never imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from modality_translate.cli import options


@click.command("convert")
@click.option(
    "-m",
    "--model",
    type=click.Path(path_type=Path),
    required=True,
    help="Model file (.onnx), or the name of a shipped model, such as limb-mr-to-ct.",
)
@click.option("-i", "--input", "source", type=click.Path(path_type=Path), required=True, help="Volume or folder.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder, or file for one volume.")
@options.device
@click.option("--on-exists", type=click.Choice(["error", "skip", "overwrite"]), default="error", show_default=True,
              help="What to do where an output is already there.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["nii.gz", "nii"]), default="nii.gz", show_default=True,
              help="Files to write into a folder.")  # fmt: skip
@click.option("--overlap", type=click.FloatRange(0, 1, max_open=True), help="Of neighbouring patches; the model's own "
              "when left out. Less is faster, more is smoother.")  # fmt: skip
@click.option("--force", is_flag=True, help="Convert also volumes unlike those the model was trained on.")
@click.option("--frame", type=click.IntRange(min=0), help="Which frame of 4D volumes to convert, counted from 0.")
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads; all cores when left out.")
@click.option("--report", type=click.Path(path_type=Path), help="Where to write the report (JSON); "
              "report.json in the output folder when left out.")  # fmt: skip
@options.quiet
def command(
    model: Path,
    source: Path,
    output: Path,
    device: str,
    on_exists: Literal["error", "skip", "overwrite"],
    form: Literal["nii.gz", "nii"],
    overlap: float | None,
    force: bool,
    frame: int | None,
    threads: int | None,
    report: Path | None,
    quiet: bool,
) -> int:
    """Translate a volume, or every volume of a folder, with MODEL.

    The tree and the names are kept, and each result lies on its input's own grid, in HU, SUV or scaled MR. Exit codes:
    0 all done, 1 failed, 3 no volume found, 4 model refused, 5 device not available, 8 some volumes failed.

    Example: mtranslate convert -m mr-to-ct.onnx -i scans/ -o synthetic/
    """
    from modality_translate.runtime.folder import Options, convert_folder
    from modality_translate.runtime.plan import plan
    from modality_translate.runtime.report import report_path, write_report
    from modality_translate.runtime.translator import Translator

    todo = plan(source, output, ".nii.gz" if form == "nii.gz" else ".nii")
    written = report_path(todo, report)
    settings = Options(on_exists, force, frame)
    if on_exists == "error":
        todo.refuse_existing()
    translator = Translator.load(model, device=device, threads=threads, overlap=overlap)
    if translator.engine.note and not quiet:
        click.echo(translator.engine.note, err=True)
    with _watcher(quiet) as watcher:
        conversion = convert_folder(translator, todo, settings, watcher)
    if written is not None:
        write_report(written, conversion)
    click.echo(conversion.summary())
    return 130 if conversion.interrupted else conversion.exit_code


def _watcher(quiet: bool) -> Any:
    """A bar where someone can see it, one line per failure everywhere."""
    import sys

    from modality_translate.cli.progress import Bar, Lines

    return Bar() if sys.stderr.isatty() and not quiet else Lines(quiet)
