"""Flags that mean the same in every command."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def _known_device(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", value):
        return value
    raise click.BadParameter(f"{value!r} is not a device; give auto, cpu, cuda or cuda:N.")


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


def quiet(command: Command) -> Command:
    """-q/--quiet: no progress on stderr."""
    return click.option("-q", "--quiet", is_flag=True, help="No progress, only results and errors.")(command)


def overwrite(command: Command) -> Command:
    """--overwrite: replace what is already there."""
    return click.option("--overwrite", is_flag=True, help="Replace what is already there.")(command)


def as_json(command: Command) -> Command:
    """--json: the result as one JSON document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document for machines.")(command)
