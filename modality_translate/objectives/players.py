"""A network with its optimiser, set up by fabric: the translating players, and the critics they play against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn.modules.batchnorm import _BatchNorm

from modality_translate import recipe
from modality_translate.errors import RunError
from modality_translate.networks import encode
from modality_translate.networks.shared_norm import share_norms
from modality_translate.networks.together import average_all, processes
from modality_translate.objectives.base import State
from modality_translate.objectives.losses import share_right, steepness, towards

REAL, SYNTHETIC = 1.0, 0.0

LAZY = 16
"""R1 is computed at every 16th step only, and counts 16 times (Karras et al., CVPR 2020)."""


class Player:
    """One network that learns by AdamW at `rate` times the factor set by the loop.

    `clip` above 0 is the largest norm of its gradient.
    """

    def __init__(
        self, network: nn.Module, rate: float, settings: recipe.Optimiser, fabric: Fabric, clip: float = 0.0
    ) -> None:
        if processes() > 1:
            share_norms(network)
        self.network = network
        self.fabric = fabric
        self.rate = rate
        self.clip = clip
        self.adam = torch.optim.AdamW(
            network.parameters(), rate, betas=settings.betas, weight_decay=settings.weight_decay
        )
        self._module, _ = fabric.setup(network, self.adam)

    def __call__(self, *inputs: Tensor | list[Tensor]) -> Any:
        return self._module(*inputs)

    def descend(self, parts: int, scaler: GradScaler | None) -> bool:
        """One step along the gradients of `parts` parts of the batch of every process; False for one that rested.

        `scaler` is that of 16 bit training, which all players share; whoever gives it updates it after all steps.
        """
        gradients = [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
        if not gradients:
            return False
        if parts > 1:
            torch._foreach_div_(gradients, parts)
        average_all(gradients)
        if self.clip:
            # Under 16 bit a step with overflowing gradients is skipped, which is no error.
            self.fabric.clip_gradients(self._module, self.adam, max_norm=self.clip, error_if_nonfinite=False)
        if scaler is None:
            self.adam.step()
        else:
            scaler.step(self.adam)
        return True

    def forget(self) -> None:
        """Let go of all gradients."""
        self.adam.zero_grad()

    def taken(self) -> int:
        """Steps so far; Adam counts them."""
        return max((int(moments["step"]) for moments in self.adam.state.values()), default=0)

    def set_rate(self, factor: float) -> None:
        self._set_lr(self.rate * factor)

    def train(self) -> None:
        self._module.train()

    def state_dict(self) -> State:
        names = [name for name, _ in self.network.named_parameters()]
        moments = self.adam.state_dict()["state"]
        return {
            "network": {name: _copy(tensor) for name, tensor in self.network.state_dict().items()},
            "lr": self.adam.param_groups[0]["lr"],
            "moments": {
                names[index]: {key: _copy(value) for key, value in entry.items()} for index, entry in moments.items()
            },
        }

    def load_state_dict(self, state: State) -> None:
        try:
            self.network.load_state_dict(state["network"])
            self._load_moments(state["moments"])
        except (KeyError, RuntimeError) as error:
            reason = f"the saved networks are not those of the recipe ({str(error).splitlines()[0]})."
            raise RunError("state", reason, "Resume with the recipe the run was started with.") from error
        self._set_lr(state["lr"])

    def _load_moments(self, moments: dict[str, State]) -> None:
        entries = {
            index: {key: _copy(value) for key, value in moments[name].items()}
            for index, (name, _) in enumerate(self.network.named_parameters())
            if moments
        }
        self.adam.load_state_dict({"state": entries, "param_groups": self.adam.state_dict()["param_groups"]})

    def _set_lr(self, lr: float) -> None:
        for group in self.adam.param_groups:
            group["lr"] = lr


class Translator(Player):
    """A generator."""

    def aside(self, x: Tensor) -> Tensor:
        """Translate images that are not this generator's own input: its batch statistics are left alone."""
        with _statistics_kept(self.network):
            return self(x)

    def encode(self, x: Tensor) -> list[Tensor]:
        """The encoder's maps of any images; batch statistics are left alone."""
        with _statistics_kept(self.network), self.fabric.autocast():
            return encode(self.network, x)


class Critic(Player):
    """A discriminator with the least-squares objective and, for `r1` above 0, its gradient at real images held low."""

    def __init__(
        self, network: nn.Module, rate: float, settings: recipe.Optimiser, fabric: Fabric, r1: float = 0.0
    ) -> None:
        super().__init__(network, rate, settings, fabric)
        self.r1 = r1

    def not_fooled_by(self, synthetic: Tensor) -> Tensor:
        """The generator's adversarial term: how far the scores are from "real"; the critic gets no gradients."""
        with frozen(self.network), self.fabric.autocast():
            return towards(self.network(synthetic), REAL)

    def learn(self, real: Tensor, synthetic: Tensor) -> dict[str, Tensor]:
        """Gradients towards telling real images from synthetic ones (which get none); its loss and accuracy."""
        on_real, on_synthetic = self(real), self(synthetic.detach())
        loss = 0.5 * (towards(on_real, REAL) + towards(on_synthetic, SYNTHETIC))
        held = {"discriminator_r1": self._steepness(real)} if self.r1 and self.taken() % LAZY == 0 else {}
        self.fabric.backward(loss + sum(0.5 * self.r1 * LAZY * steep for steep in held.values()))
        return {"discriminator": loss, "discriminator_accuracy": share_right(on_real, on_synthetic), **held}

    def _steepness(self, real: Tensor) -> Tensor:
        images = real.detach().requires_grad_()
        # Without autocast: squared gradients of gradients leave the range of 16 bit.
        return steepness(self.network(images), images)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """What is computed inside passes gradients through `network`, which gets none itself."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


@contextmanager
def _statistics_kept(network: nn.Module) -> Iterator[None]:
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
