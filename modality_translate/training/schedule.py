"""How far a training is, and the learning rate that belongs to it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from modality_translate.recipe import Optimiser, Training


class Clock:
    """Progress from 0 to 1 through whichever ends first, the steps or the minutes; time before a resume counts.

    `elapsed` is the seconds of training at the last `tick`, which `agree` makes the same in all processes.
    """

    def __init__(self, training: Training, elapsed: float = 0.0, agree: Callable[[float], float] = float) -> None:
        self.steps = training.steps
        self.seconds = math.inf if training.minutes is None else 60.0 * training.minutes
        self.agree = agree
        self.elapsed = elapsed
        self._started = time.monotonic() - elapsed

    def tick(self) -> None:
        """Read the time."""
        self.elapsed = self.agree(time.monotonic() - self._started)

    def progress(self, step: int) -> float:
        """Fraction done before `step` (counted from 0); 1 or more means the end."""
        return max(step / self.steps, self.elapsed / self.seconds)


def rate_factor(step: int, progress: float, optimiser: Optimiser) -> float:
    """What the learning rates are multiplied by: a linear warm-up over steps, times the schedule over progress."""
    warm = min(1.0, (step + 1) / optimiser.warmup) if optimiser.warmup else 1.0
    if optimiser.schedule == "linear":
        return warm * min(1.0, 2.0 * (1.0 - progress))
    if optimiser.schedule == "cosine":
        return warm * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))
    return warm
