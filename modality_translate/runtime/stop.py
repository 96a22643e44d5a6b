"""A request to end early: made by a signal, seen by everything that works on a volume."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):  # noqa: N818  # no error: the run was asked to end
    """Raised where a volume is given up because the run is to end."""


class Stop:
    """Whether the run is to end, and which signal asked for it."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self.signal = int(signal.SIGINT)

    @property
    def asked(self) -> bool:
        """Whether the run is to end."""
        return self._asked.is_set()

    @property
    def exit_code(self) -> int:
        """What a shell expects of a process ended by that signal: 130 or 143."""
        return 128 + self.signal

    def ask(self, number: int = signal.SIGINT) -> None:
        """End the run, if that was not asked before; may be called from any thread."""
        if not self.asked:
            self.signal = int(number)
        self._asked.set()

    def check(self) -> None:
        """Raise `Interrupted` when the run is to end."""
        if self.asked:
            raise Interrupted

    def wait(self, seconds: float) -> bool:
        """Sleep, at most until the run is to end; whether it is."""
        return self._asked.wait(seconds)


@contextmanager
def stopping_on_signals(stop: Stop) -> Iterator[None]:
    """SIGINT and SIGTERM ask `stop`; the second of them ends the process at once, which leaves whole files too."""

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.asked:
            os._exit(stop.exit_code)
        stop.ask(number)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
