"""The random states of one training: set anew for every step, so that none has to be kept for a resume."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Python, numpy and torch (every device)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries may draw from the global state
    torch.manual_seed(seed)


def seed_step(seed: int, step: int, rank: int) -> None:
    """What a network draws in a step, such as dropout, depends on the recipe's seed, the step and the process alone."""
    seed_everything(int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0]) >> 1)
