"""Everything a training must remember from one step to the next."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from modality_translate.errors import RunError
from modality_translate.objectives import Objective
from modality_translate.recipe import Training
from modality_translate.training.ema import Ema
from modality_translate.training.randomness import random_state, restore_random_state
from modality_translate.training.schedule import Clock

MOST_BAD_STEPS = 3


class State:
    """The objective with its averaged generators, steps done, time spent, and the lowest MAE of each direction."""

    def __init__(self, objective: Objective, training: Training) -> None:
        self.objective = objective
        self.training = training
        self.averages = {name: Ema(module, training.ema) for name, module in objective.generators.items()}
        self.clock = Clock(training)
        self.step = 0
        self.best: dict[str, float] = {}
        self.bad_steps = 0

    @property
    def finished(self) -> bool:
        """Whether the steps or the minutes are spent."""
        return self.clock.progress(self.step) >= 1

    def take_in(self, losses: dict[str, float], names: tuple[str, ...]) -> bool:
        """Count a step and move the averages; False if its losses or weights are not finite, then nothing moves.

        Raises `RunError` after three such steps in a row, naming the cases of the last.
        """
        self.step += 1
        broken = [name for name, value in losses.items() if not math.isfinite(value)]
        broken += [f"weights ({name})" for name, module in self.objective.generators.items() if not is_finite(module)]
        self.bad_steps = self.bad_steps + 1 if broken else 0
        if self.bad_steps >= MOST_BAD_STEPS:
            raise RunError(
                f"step {self.step}",
                f"{', '.join(broken)} NaN or infinite, {MOST_BAD_STEPS} times in a row; the last batch showed "
                f"{', '.join(sorted(set(names)))}.",
                "Check these volumes, lower optimiser.lr or set optimiser.clip; the last good state is kept.",
            )
        if not broken:
            for name, average in self.averages.items():
                average.update(self.objective.generators[name])
        return not broken

    def improves(self, direction: str, score: float) -> bool:
        """Whether `score` (lower is better) is the direction's best so far, which it then becomes."""
        if score >= self.best.get(direction, math.inf):
            return False
        self.best[direction] = score
        return True

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "elapsed": self.clock.elapsed,
            "best": self.best,
            "objective": self.objective.state_dict(),
            "averages": {name: average.state_dict() for name, average in self.averages.items()},
            "random": random_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step, self.best = state["step"], state["best"]
        self.clock = Clock(self.training, state["elapsed"])
        self.objective.load_state_dict(state["objective"])
        for name, average in self.averages.items():
            average.load_state_dict(state["averages"][name])
        restore_random_state(state["random"])


def is_finite(module: nn.Module) -> bool:
    """Whether every weight is a number; one transfer from the device for all of them."""
    norms = torch._foreach_norm([parameter.detach() for parameter in module.parameters()])
    return bool(torch.stack(norms).isfinite().all())
