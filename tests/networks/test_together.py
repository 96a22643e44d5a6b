"""Alone; with several processes these run in tests/objectives/test_together.py."""

from __future__ import annotations

import torch

from modality_translate.networks.together import average_all, averaged, gathered, mean, own_part, processes


def test_alone_everything_stays_as_it_is():
    images = torch.rand(3, 2, requires_grad=True)
    assert processes() == 1
    assert torch.equal(averaged(images), images)
    assert torch.equal(own_part(gathered(images)), images)
    mean(images).sum().backward()
    assert torch.equal(images.grad, torch.ones(3, 2))
    average_all([images.grad])
    assert torch.equal(images.grad, torch.ones(3, 2))
