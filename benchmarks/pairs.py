"""Two ways of doing the same, timed in turn, and how many times faster the second is."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ratios:
    """Seconds of both ways, round by round; each round's ratio is theirs / ours, measured back to back."""

    theirs: list[float]
    ours: list[float]

    @property
    def ratios(self) -> list[float]:
        return sorted(t / o for t, o in zip(self.theirs, self.ours, strict=True))

    def __str__(self) -> str:
        middle, spread = statistics.median(self.ratios), f"{self.ratios[0]:.2f} to {self.ratios[-1]:.2f}"
        times = f"{statistics.median(self.theirs):.3f} s, ours {statistics.median(self.ours):.3f} s"
        return f"{times}, {middle:.2f}x ({spread} over {len(self.ours)} rounds)"


def in_turn(theirs: Callable[[], Any], ours: Callable[[], Any], rounds: int) -> Ratios:
    """Time both `rounds` times after one untimed call of each; who comes first changes every round."""
    theirs(), ours()
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for side in (number % 2, 1 - number % 2):
            seconds[side].append(timed((theirs, ours)[side]))
    return Ratios(*seconds)


def timed(call: Callable[[], Any]) -> float:
    """Wall seconds."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
