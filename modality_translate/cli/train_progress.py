"""How a training is shown on stderr: a bar with losses on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import click

from modality_translate.printable import plain

LINE_EVERY = 5
"""Rows of metrics.csv per plain line."""


def _plain(text: str) -> str:
    """Lines stay lines; names of cases are file names."""
    return "\n".join(plain(line) for line in text.split("\n"))


class TrainingLines:
    """A line now and then, or none at all when quiet."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self._rows = 0

    def __enter__(self) -> TrainingLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def say(self, text: str) -> None:
        """One line worth keeping."""
        if not self.quiet:
            click.echo(_plain(text), err=True)

    def prepared(self, done: int, total: int) -> None:
        """Told once, at the end."""
        if done == total:
            self.say(f"prepared {total} training cases")

    def trained(self, status: Any) -> None:
        """Lines follow the rows of metrics.csv instead."""

    def logged(self, status: Any) -> None:
        """The first row, then every few."""
        if self._rows % LINE_EVERY == 0:
            self.say(f"step {status.step}/{status.steps}  {described(status)}")
        self._rows += 1


class TrainingBar(TrainingLines):
    """A bar over the steps with the current losses; scores stay above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        super().__init__(quiet=False)
        text = TextColumn("{task.description}", markup=False)
        self.progress = Progress(MofNCompleteColumn(), BarColumn(20), text, console=Console(stderr=True))
        self.task = self.progress.add_task("preparing volumes", total=None)

    def __enter__(self) -> TrainingBar:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def say(self, text: str) -> None:
        """Above the bar."""
        self.progress.console.print(_plain(text), markup=False, highlight=False)

    def prepared(self, done: int, total: int) -> None:
        """The bar counts volumes."""
        self.progress.update(self.task, completed=done, total=total)

    def trained(self, status: Any) -> None:
        """The bar counts steps."""
        self.progress.update(self.task, completed=status.step, total=status.steps, description=described(status))

    def logged(self, status: Any) -> None:
        """As at any other step."""
        self.trained(status)


def described(status: Any) -> str:
    """Losses, speed and time left in one line."""
    losses = "  ".join(f"{name} {value:.3g}" for name, value in status.losses.items())
    minutes, seconds = divmod(round(status.seconds_left), 60)
    return f"{losses}  {status.steps_per_second:.2f} steps/s  {minutes}:{seconds:02d} left"
