"""How a conversion is shown on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType

import click

from modality_translate.printable import plain


class Lines:
    """One line per volume, or only per failure when quiet."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def started(self, name: str, position: int, total: int) -> None:
        pass

    def patches(self, done: int, total: int) -> None:
        pass

    def waiting(self, name: str, holder: str) -> None:
        """Why nothing happens."""
        if not self.quiet:
            click.echo(plain(f"waiting: {name}: {holder} converts it"), err=True)

    def finished(self, name: str, status: str, reason: str) -> None:
        """Failures are always told."""
        if status == "failed" or not self.quiet:
            click.echo(plain(f"{status}: {name}" + (f": {reason}" if reason else "")), err=True)


class Bar(Lines):
    """A bar over the patches of the current volume, above it the volumes that ended."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__(quiet=False)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self.task = self.progress.add_task("", total=None)

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def started(self, name: str, position: int, total: int) -> None:
        """A new bar for the volume."""
        self.progress.reset(self.task, description=plain(f"{position}/{total} {name}"), total=None)

    def patches(self, done: int, total: int) -> None:
        """Move the bar."""
        self.progress.update(self.task, completed=done, total=total)

    def waiting(self, name: str, holder: str) -> None:
        """In the bar's place."""
        self.progress.reset(self.task, description=plain(f"waiting for {holder}: {name}"), total=None)

    def finished(self, name: str, status: str, reason: str) -> None:
        """One line above the bar."""
        line = plain(f"{status}: {name}" + (f": {reason}" if reason else ""))
        self.progress.console.print(line, markup=False, highlight=False)
