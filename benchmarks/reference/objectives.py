"""The published games: one step each on a pair of images (1, 1, 256, 256) in [-1, 1]."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modality_translate.objectives.pool import ImagePool
from reference.networks import PatchGAN, ResNet9, UNet256

RATE = 2e-4
BETAS = (0.5, 0.999)
L1 = 100.0
CYCLE = 10.0
IDENTITY = 0.5
"""Of the cycle's weight."""
POOL = 50


class Game(ABC):
    """Generators (the first from source to target) and critics; all of a kind share one Adam."""

    def __init__(self, generators: list[nn.Module], critics: list[nn.Module], device: torch.device) -> None:
        for network in (*generators, *critics):
            network.to(device)
        self.generators, self.critics = generators, critics
        self.players, self.judges = (_adam(networks) for networks in (generators, critics))

    def set_rate(self, factor: float) -> None:
        """Multiply the published learning rate."""
        for group in chain(self.players.param_groups, self.judges.param_groups):
            group["lr"] = RATE * factor

    @abstractmethod
    def step(self, source: Tensor, target: Tensor) -> dict[str, float]:
        """Learn from images (N, 1, H, W) in [-1, 1]; the losses, for people."""

    @contextmanager
    def critics_resting(self) -> Iterator[None]:
        """Critics judge but get no gradients."""
        for critic in self.critics:
            critic.requires_grad_(False)
        yield
        for critic in self.critics:
            critic.requires_grad_(True)


class Pix2Pix(Game):
    """A conditional cross-entropy GAN plus 100 times the absolute error."""

    def __init__(self, device: torch.device) -> None:
        super().__init__([UNet256()], [PatchGAN(2, "batch")], device)

    def step(self, source: Tensor, target: Tensor) -> dict[str, float]:
        """Critic first, then generator, as published."""
        (generator,), (critic,) = self.generators, self.critics
        synthetic = generator(source)
        on_synthetic = _entropy(critic(torch.cat([source, synthetic.detach()], 1)), 0.0)
        judged = 0.5 * (on_synthetic + _entropy(critic(torch.cat([source, target], 1)), 1.0))
        _descend(self.judges, judged)
        with self.critics_resting():
            fooled = _entropy(critic(torch.cat([source, synthetic], 1)), 1.0)
        error = F.l1_loss(synthetic, target)
        _descend(self.players, fooled + L1 * error)
        return {"l1": error.item(), "adversarial": fooled.item(), "discriminator": judged.item()}


class CycleGAN(Game):
    """Least-squares GANs both ways, the cycle's error, and the error on images that are of the target already."""

    def __init__(self, device: torch.device) -> None:
        super().__init__([ResNet9(), ResNet9()], [PatchGAN(1, "instance"), PatchGAN(1, "instance")], device)
        self.pools = [ImagePool(POOL, seed) for seed in range(2)]

    def step(self, source: Tensor, target: Tensor) -> dict[str, float]:
        """Generators first, then critics, as published."""
        (forward, backward), (of_target, of_source) = self.generators, self.critics
        to_target, to_source = forward(source), backward(target)
        with self.critics_resting():
            fooled = _squares(of_target(to_target), 1.0) + _squares(of_source(to_source), 1.0)
        cycle = F.l1_loss(backward(to_target), source) + F.l1_loss(forward(to_source), target)
        same = F.l1_loss(forward(target), target) + F.l1_loss(backward(source), source)
        _descend(self.players, fooled + CYCLE * cycle + CYCLE * IDENTITY * same)
        shown = [pool.exchange(image) for pool, image in zip(self.pools, (to_target, to_source), strict=True)]
        judged = _judged(of_target, target, shown[0]) + _judged(of_source, source, shown[1])
        _descend(self.judges, judged)
        return {"cycle": cycle.item(), "adversarial": fooled.item(), "discriminator": judged.item()}


GAMES = {"pix2pix": Pix2Pix, "cyclegan": CycleGAN}


def _adam(networks: list[nn.Module]) -> torch.optim.Adam:
    return torch.optim.Adam(chain.from_iterable(n.parameters() for n in networks), RATE, BETAS)


def _descend(optimiser: torch.optim.Adam, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def _entropy(scores: Tensor, label: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, label))


def _squares(scores: Tensor, label: float) -> Tensor:
    return (scores - label).square().mean()


def _judged(critic: nn.Module, real: Tensor, synthetic: Tensor) -> Tensor:
    return 0.5 * (_squares(critic(real), 1.0) + _squares(critic(synthetic), 0.0))
