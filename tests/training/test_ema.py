from __future__ import annotations

import torch
from torch import nn

from modality_translate.training.ema import Ema


def moved(network: nn.Module, value: float) -> nn.Module:
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            tensor.fill_(value)
    return network


def test_early_averages_follow_quickly_and_late_ones_slowly():
    network = moved(nn.Linear(1, 1), 0.0)
    ema = Ema(network, 0.5)
    moved(network, 1.0)
    seen = []
    for _ in range(3):
        ema.update(network)
        seen.append(float(ema.average.weight))
    # decays 1/10, 2/11, 3/12
    assert torch.allclose(torch.tensor(seen), torch.tensor([0.9, 1 - 0.1 * 2 / 11, 1 - 0.1 * 2 / 11 * 0.25]))


def test_decay_0_is_the_raw_network():
    network = nn.Linear(2, 2)
    ema = Ema(network, 0.0)
    moved(network, 3.0)
    ema.update(network)
    assert (ema.average.weight == 3).all()


def test_statistics_are_averaged_and_counts_copied():
    network = moved(nn.BatchNorm1d(1), 0.0)
    ema = Ema(network, 0.9)
    ema.update(moved(network, 10.0))
    assert torch.allclose(ema.average.running_mean, torch.tensor([9.0]))
    assert ema.average.num_batches_tracked == 10


def test_the_average_is_in_evaluation_mode_and_needs_no_gradient():
    ema = Ema(nn.Sequential(nn.BatchNorm1d(1)).train(), 0.9)
    assert not ema.average[0].training
    assert not any(parameter.requires_grad for parameter in ema.average.parameters())


def test_an_average_comes_back():
    network = nn.Linear(2, 1)
    ema, other = Ema(network, 0.9), Ema(nn.Linear(2, 1), 0.9)
    ema.update(network)
    other.load_state_dict(ema.state_dict())
    assert torch.equal(other.average.weight, ema.average.weight)
    assert other.updates == 1
