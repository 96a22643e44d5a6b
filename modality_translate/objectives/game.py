"""What the objectives share: named players and image pools that are driven, saved and restored together."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import Tensor

from modality_translate.networks import build_discriminator, build_generator
from modality_translate.objectives.base import State
from modality_translate.objectives.players import Critic, Translator
from modality_translate.objectives.pool import ImagePool
from modality_translate.recipe import Recipe


class Game:
    """Players and pools by name. An objective adds `step`, and says which player translates."""

    def __init__(self, recipe: Recipe, fabric: Fabric) -> None:
        self.recipe = recipe
        self.settings = recipe.objective
        self.fabric = fabric
        self.players: dict[str, Translator | Critic] = {}
        self.pools: dict[str, ImagePool] = {}

    def add_translator(self, name: str) -> Translator:
        network = build_generator(self.recipe.generator, self.recipe.geometry)
        translator = Translator(network, self.recipe.optimiser.lr, self.recipe.optimiser, self.fabric)
        self.players[name] = translator
        return translator

    def add_critic(self, name: str, channels: int) -> Critic:
        network = build_discriminator(self.recipe.discriminator, self.recipe.geometry, channels)
        rate = self.recipe.optimiser.discriminator_lr or self.recipe.optimiser.lr
        critic = Critic(network, rate, self.recipe.optimiser, self.fabric)
        self.players[name] = critic
        return critic

    def add_pool(self, name: str) -> ImagePool:
        # Pools of one game draw differently, each the same in every run of the recipe.
        pool = ImagePool(self.settings.pool, seed=self.recipe.seed + len(self.pools))
        self.pools[name] = pool
        return pool

    def train(self) -> None:
        """Networks into training mode: validation may have left a generator in evaluation mode."""
        for player in self.players.values():
            player.train()

    def weighted(self, terms: dict[str, Tensor]) -> Tensor:
        """The sum of terms that are named like their weights in the recipe."""
        return torch.stack([getattr(self.settings, name) * term for name, term in terms.items()]).sum()

    def set_rate(self, factor: float) -> None:
        for player in self.players.values():
            player.set_rate(factor)

    def state_dict(self) -> State:
        state: State = {name: part.state_dict() for name, part in (self.players | self.pools).items()}
        return state | {"precision": self.fabric.strategy.precision.state_dict()}

    def load_state_dict(self, state: State) -> None:
        for name, part in (self.players | self.pools).items():
            part.load_state_dict(state[name])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
