"""What a training tells while it runs; who listens (a terminal, a test) implements it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Status:
    """Where a training is: `losses` are means since the last report, `seconds_left` an estimate."""

    step: int
    steps: int
    losses: dict[str, float]
    steps_per_second: float
    seconds_left: float


class Reporter(Protocol):
    """Receives events; must return quickly."""

    def say(self, text: str) -> None:
        """One line worth keeping."""

    def prepared(self, done: int, total: int) -> None:
        """Volumes prepared so far."""

    def trained(self, status: Status) -> None:
        """A step is done; called now and then."""

    def logged(self, status: Status) -> None:
        """A row was added to metrics.csv."""


class Silent:
    """Tells nobody."""

    def say(self, text: str) -> None: ...

    def prepared(self, done: int, total: int) -> None: ...

    def trained(self, status: Status) -> None: ...

    def logged(self, status: Status) -> None: ...
