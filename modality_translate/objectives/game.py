"""What the objectives share: named players and memories that are driven, saved and restored together."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from modality_translate.networks import build_discriminator, build_generator
from modality_translate.objectives.base import State
from modality_translate.objectives.places import Places
from modality_translate.objectives.players import Critic, Player, Translator
from modality_translate.objectives.pool import ImagePool
from modality_translate.objectives.weights import weight_at
from modality_translate.recipe import Recipe


class Game:
    """Players and memories by name. An objective adds `step`, and says which player translates."""

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        self.recipe = recipe
        self.settings = recipe.objective
        self.fabric = fabric
        self.players: dict[str, Player] = {}
        self.memories: dict[str, ImagePool | Places] = {}
        """Random draws and earlier images that the next step depends on."""

    def add_translator(self, name: str) -> Translator:
        network = build_generator(self.recipe.generator, self.recipe.geometry)
        translator = Translator(network, self.recipe.optimiser.lr, self.recipe.optimiser, self.fabric)
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
        helper = Player(network, self.recipe.optimiser.lr, self.recipe.optimiser, self.fabric)
        self.players[name] = helper
        return helper

    def train(self) -> None:
        """Networks into training mode: validation may have left a generator in evaluation mode."""
        for player in self.players.values():
            player.train()

    def weighted(self, terms: dict[str, Tensor], progress: float) -> Tensor:
        """The sum of terms that are named like their weights in the recipe."""
        return torch.stack([weight_at(self.settings, name, progress) * term for name, term in terms.items()]).sum()

    def descend(self, total: Tensor) -> None:
        """One step of every player but the critics, down the gradients of `total`."""
        self.fabric.backward(total)
        for player in self.players.values():
            if not isinstance(player, Critic):
                player.descend(self.recipe.optimiser.clip)

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
