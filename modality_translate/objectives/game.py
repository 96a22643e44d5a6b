"""What the objectives share: named players and memories that are driven, saved and restored together."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from modality_translate.networks import build_discriminator, build_generator
from modality_translate.networks.together import gathered, own_part
from modality_translate.objectives.base import Batch, State, values
from modality_translate.objectives.places import Places
from modality_translate.objectives.players import Critic, Player, Translator
from modality_translate.objectives.pool import ImagePool
from modality_translate.objectives.weights import weight_at
from modality_translate.recipe import Recipe


class Game(ABC):
    """Players and memories by name. An objective adds `learn`, and says which player translates."""

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        self.recipe = recipe
        self.settings = recipe.objective
        self.fabric = fabric
        self.players: dict[str, Player] = {}
        self.memories: dict[str, ImagePool | Places] = {}
        """Random draws and earlier images that the next step depends on."""

    def add_translator(self, name: str) -> Translator:
        network = build_generator(self.recipe.generator, self.recipe.geometry)
        settings = self.recipe.optimiser
        translator = Translator(network, settings.lr, settings, self.fabric, settings.clip)
        self.players[name] = translator
        return translator

    def add_critic(self, name: str, channels: int) -> Critic:
        network = build_discriminator(self.recipe.discriminator, self.recipe.geometry, channels)
        rate = self.recipe.optimiser.discriminator_lr or self.recipe.optimiser.lr
        critic = Critic(network, rate, self.recipe.optimiser, self.fabric, self.settings.r1)
        self.players[name] = critic
        return critic

    def add_helper(self, name: str, network: nn.Module) -> Player:
        """A network that learns with the generator and is not needed after training."""
        settings = self.recipe.optimiser
        helper = Player(network, settings.lr, settings, self.fabric, settings.clip)
        self.players[name] = helper
        return helper

    @abstractmethod
    def learn(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Add the gradients of a part of a batch to every player's, none of which moves; gives the terms."""

    def step(self, batch: Batch, progress: float) -> dict[str, float]:
        for player in self.players.values():
            player.train()  # validation may have left a generator in evaluation mode
        parts = batch.parts(self.recipe.training.accumulate)
        losses = values([self.learn(part, progress) for part in parts])
        self._move(len(parts), sound=all(math.isfinite(value) for value in losses.values()))
        return losses

    def pooled(self, pool: ImagePool, images: Tensor) -> Tensor:
        """`images` after an exchange with a pool that sees those of all processes, and so is the same in each."""
        return own_part(pool.exchange(gathered(images)))

    def weighted(self, terms: dict[str, Tensor], progress: float) -> Tensor:
        """The sum of terms that are named like their weights in the recipe."""
        return torch.stack([weight_at(self.settings, name, progress) * term for name, term in terms.items()]).sum()

    def _move(self, parts: int, *, sound: bool) -> None:
        """One step of every player down the mean of its gradients; none if they are not `sound`."""
        scaler = getattr(self.fabric.strategy.precision, "scaler", None)
        moved = [player.descend(parts, scaler) for player in self.players.values() if sound]
        if scaler is not None and any(moved):
            scaler.update()
        for player in self.players.values():
            player.forget()

    def set_rate(self, factor: float) -> None:
        for player in self.players.values():
            player.set_rate(factor)

    def state_dict(self) -> State:
        state: State = {name: part.state_dict() for name, part in (self.players | self.memories).items()}
        return state | {"precision": self.fabric.strategy.precision.state_dict()}

    def load_state_dict(self, state: State) -> None:
        for name, part in (self.players | self.memories).items():
            part.load_state_dict(state[name])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
