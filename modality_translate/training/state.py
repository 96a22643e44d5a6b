"""Everything a training must remember from one step to the next."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from modality_translate.errors import RunError
from modality_translate.objectives import Objective
from modality_translate.recipe import Training
from modality_translate.training.ema import Ema
from modality_translate.training.schedule import Clock

MOST_BAD_STEPS = 3


class State:
    """The objective with its averaged generators, steps done, time spent, and the lowest MAE of each direction.

    `agree` gives a number of this process as that of the first.
    """

    def __init__(self, objective: Objective, training: Training, agree: Callable[[float], float] = float) -> None:
        self.objective = objective
        self.training = training
        self.averages = {name: Ema(module, training.ema) for name, module in objective.generators.items()}
        self.clock = Clock(training, agree=agree)
        self.step = 0
        self.best: dict[str, float] = {}
        self.bad_steps = 0

    @property
    def finished(self) -> bool:
        """Whether the steps or the minutes are spent."""
        return self.clock.progress(self.step) >= 1

    def take_in(self, losses: dict[str, float], names: tuple[str, ...]) -> bool:
        """Count a step and move the averages; False if a loss is not finite, for which nothing has moved.

        Raises `RunError` after three such steps in a row, or at once for weights that are not finite, naming the
        cases of the batch.
        """
        self.step += 1
        self.clock.tick()
        broken = [name for name, value in losses.items() if not math.isfinite(value)]
        spoilt = [f"weights ({name})" for name, module in self.objective.generators.items() if not is_finite(module)]
        self.bad_steps = self.bad_steps + 1 if broken else 0
        if spoilt or self.bad_steps >= MOST_BAD_STEPS:
            often = f", {self.bad_steps} times in a row" if self.bad_steps > 1 else ""
            raise RunError(
                f"step {self.step}",
                f"{', '.join(broken + spoilt)} NaN or infinite{often}; the last batch showed "
                f"{', '.join(sorted(set(names)))}.",
                "Check these volumes, lower optimiser.lr or set optimiser.clip; the last good state is kept.",
            )
        if not broken:
            for name, average in self.averages.items():
                average.update(self.objective.generators[name])
        return not broken

    def improves(self, direction: str, score: float) -> bool:
        """Whether `score` (lower is better) is the direction's best so far, which it then becomes."""
        if not score < self.best.get(direction, math.inf):
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
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step, self.best = state["step"], state["best"]
        self.clock = Clock(self.training, state["elapsed"], self.clock.agree)
        self.objective.load_state_dict(state["objective"])
        for name, average in self.averages.items():
            average.load_state_dict(state["averages"][name])


def is_finite(module: nn.Module) -> bool:
    """Whether every weight and batch statistic is a number; one transfer from the device for all of them."""
    tensors = [*(parameter.detach() for parameter in module.parameters()), *module.buffers()]
    norms = torch._foreach_norm([tensor for tensor in tensors if tensor.is_floating_point()])
    return bool(torch.stack(norms).isfinite().all())
