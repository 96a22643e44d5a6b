"""`mtranslate export`: a trained run into one model file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from modality_translate.cli import options


@click.command("export")
@click.argument("run", type=options.NamedPath())
@click.option("-o", "--output", type=options.NamedPath(), callback=options.ending(".onnx"), required=True,
              help="Model file to write (.onnx).")  # fmt: skip
@click.option("--direction", type=click.Choice(["forward", "backward"]), default="forward", show_default=True,
              help="backward: target to source, for runs that learn both (cyclegan).")  # fmt: skip
@click.option("--author", default="not stated", show_default=True, help="Written into the file as model_author.")
@click.option("--license", "licence", default="not stated", show_default=True, help="SPDX identifier of the weights.")
@click.option("--data", default="", help="Source and attribution of the training data, for the card in the file.")
@click.option("--limits", default="", help="Where the model is known to fail, for the card.")
@click.option("--triton", type=options.NamedPath(file_okay=False), help="Also write the model into this model "
              "repository of the Triton Inference Server.")  # fmt: skip
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), default="fp32", show_default=True,
              help="fp16 and int8 are refused when they differ from fp32 by more than 0.5 % of the display window "
              "(2 HU) on average over real volumes.")  # fmt: skip
@click.option("--calibrate", type=options.NamedPath(exists=True, file_okay=False), help="Folder of source "
              "volumes to calibrate and prove fp16 and int8 on; the run's own when left out.")  # fmt: skip
@options.overwrite
def command(
    run: Path,
    output: Path,
    direction: Literal["forward", "backward"],
    author: str,
    licence: str,
    data: str,
    limits: str,
    triton: Path | None,
    precision: Literal["fp32", "fp16", "int8"],
    calibrate: Path | None,
    overwrite: bool,
) -> None:
    """Write the averaged weights of RUN into one self-describing .onnx file.

    The file is proven first: its answers must be those of the trained network, in the target's units.

    Example: mtranslate export runs/mr-to-ct -o mr-to-ct.onnx
    """
    from modality_translate.cli.extras import needs_extra

    with needs_extra("train", "export"):
        from modality_translate.exporting.card import Statement
        from modality_translate.exporting.export import export_run

    statement = Statement(author, licence, data, limits)
    report = export_run(run, output, direction, overwrite, statement, precision, calibrate)
    for parity in report.parities:
        click.echo(str(parity), err=True)
    click.echo(f"{report.path}: {report.spec.name}, {report.size / 2**20:.1f} MB")
    if triton is not None:
        from modality_translate.runtime.model_file import read_model
        from modality_translate.runtime.triton import write_repository

        click.echo(f"{write_repository(read_model(report.path), triton, overwrite=overwrite)}: for Triton")
