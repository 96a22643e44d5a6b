from __future__ import annotations

import random

import numpy as np
import torch

from modality_translate.training.randomness import seed_everything, seed_step


def draws() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]  # noqa: NPY002


def test_a_seed_gives_the_same_numbers():
    seed_everything(4)
    first = draws()
    seed_everything(4)
    assert draws() == first


def test_what_a_step_draws_depends_on_the_step_and_process_alone():
    seed_step(0, 7, 1)
    first = draws()
    draws()
    seed_step(0, 7, 1)
    assert draws() == first
    others = []
    for place in ((1, 7, 1), (0, 8, 1), (0, 7, 0)):
        seed_step(*place)
        others.append(draws())
    assert first not in others
