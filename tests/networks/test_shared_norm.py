from __future__ import annotations

import torch
from torch import nn

from modality_translate.networks import build_generator
from modality_translate.networks.shared_norm import SharedNorm, share_norms
from modality_translate.recipe import Generator, Geometry


def test_alone_it_is_torch_s_batch_norm():
    torch.manual_seed(0)
    theirs = nn.BatchNorm2d(3)
    nn.init.normal_(theirs.weight)
    holder = nn.Sequential(theirs)
    share_norms(holder)
    ours = holder[0]
    assert isinstance(ours, SharedNorm)
    images = 5.0 + torch.randn(4, 3, 6, 5)
    inputs = [images.clone().requires_grad_() for _ in range(2)]
    answers = [norm(x) for norm, x in zip((theirs, ours), inputs, strict=True)]
    torch.testing.assert_close(*answers)
    for answer in answers:
        answer.pow(3).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(theirs.weight.grad, ours.weight.grad, rtol=1e-4, atol=1e-4)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)
    torch.testing.assert_close(theirs.eval()(images), ours.eval()(images))


def test_it_has_gradients_of_gradients():
    norm = SharedNorm(2)
    x = torch.randn(3, 2, 4, requires_grad=True)
    (first,) = torch.autograd.grad(norm(x).pow(3).sum(), x, create_graph=True)
    first.square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_a_network_keeps_its_weights_and_their_names():
    network = build_generator(Generator(width=4, levels=2), Geometry(patch=(16, 16)))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    share_norms(network)
    assert not any(type(module) is nn.BatchNorm2d for module in network.modules())
    after = network.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)
