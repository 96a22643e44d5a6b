from __future__ import annotations

import random

import numpy as np
import torch

from modality_translate.training.randomness import random_state, restore_random_state, seed_everything


def draws() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]  # noqa: NPY002


def test_a_seed_gives_the_same_numbers():
    seed_everything(4)
    first = draws()
    seed_everything(4)
    assert draws() == first


def test_a_restored_state_goes_on_where_it_was():
    seed_everything(1)
    draws()
    state = random_state()
    expected = draws()
    seed_everything(2)
    restore_random_state(state)
    assert draws() == expected
