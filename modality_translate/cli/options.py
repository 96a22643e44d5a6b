"""Flags that mean the same in every command."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
SET_HELP = "Set a field of the recipe; repeatable."
MODALITIES = click.Choice(["MR", "CT", "PET"], case_sensitive=False)


UNITS = {"MB": 1e6, "GB": 1e9, "MIB": 2.0**20, "GIB": 2.0**30}


class NamedPath(click.Path):
    """A `Path` from a name that is not empty: pathlib takes "" for the current folder."""

    def __init__(self, *, exists: bool = False, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(exists=exists, file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not os.fspath(value):
            self.fail("the name is empty; give a file or a folder (. is the current one).", param, ctx)
        return super().convert(value, param, ctx)


class _Size(click.ParamType[float]):
    """Bytes: "800MB", "4GB", "1.5GiB"."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([MG]i?B)", str(value).strip(), re.IGNORECASE)
        if not found:
            self.fail(f"{value!r} is not a size; give a number with MB or GB, such as 4GB.", param, ctx)
        return float(found[1]) * UNITS[found[2].upper()]


SIZE = _Size()


def _known_device(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", value):
        return value
    raise click.BadParameter(f"{value!r} is not a device; give auto, cpu, cuda or cuda:N.")


def ending(suffix: str) -> Callable[[click.Context, click.Parameter, Path | None], Path | None]:
    """A callback that takes only files named like their content: one of a volume would replace it."""

    def check(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
        if value is not None and value.suffix.lower() != suffix:
            raise click.BadParameter(f"{str(value)!r} does not end in {suffix}; give a name that does.")
        return value

    return check


def device(command: Command) -> Command:
    """-d/--device: auto, cpu, cuda or cuda:N."""
    return click.option(
        "-d",
        "--device",
        default="auto",
        show_default=True,
        metavar="auto|cpu|cuda[:N]",
        callback=_known_device,
        help="Where to compute. cuda fails when the GPU cannot be used; auto takes it when it works.",
    )(command)


def engine(command: Command) -> Command:
    """--engine: auto, onnxruntime, openvino or tensorrt."""
    return click.option(
        "--engine",
        type=click.Choice(["auto", "onnxruntime", "openvino", "tensorrt"]),
        default="auto",
        show_default=True,
        help="What runs the network. auto: on the CPU the faster of those installed, measured once per model; on a GPU "
        "onnxruntime. tensorrt builds its engine, for minutes, when it first meets a model.",
    )(command)


def quiet(command: Command) -> Command:
    """-q/--quiet: no progress on stderr."""
    return click.option("-q", "--quiet", is_flag=True, help="No progress, only results and errors.")(command)


def overwrite(command: Command) -> Command:
    """--overwrite: replace what is already there."""
    return click.option("--overwrite", is_flag=True, help="Replace what is already there.")(command)


def as_json(command: Command) -> Command:
    """--json: the result as one JSON document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document for machines.")(command)


def folders(command: Command) -> Command:
    """-a, -b, --from, --to, --unpaired and --set: two folders to plan a training for, and what is chosen by hand."""
    flags = (
        click.option("-a", "--source", help='Folder of source volumes, or a pattern such as "data/*/mr.nii.gz".'),
        click.option("-b", "--target", help="Folder or pattern of target volumes; cases are matched by name."),
        click.option("--from", "source_modality", type=MODALITIES, help="Modality of -a, where names do not tell."),
        click.option("--to", "target_modality", type=MODALITIES, help="Modality of -b, where names do not tell."),
        click.option("--unpaired", is_flag=True, help="-a and -b show different patients."),
        click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=SET_HELP),
    )
    for flag in reversed(flags):
        command = flag(command)
    return command
