"""From stored volumes to the batches an objective takes: drawn, augmented and on the device, ahead of need."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor

from modality_translate.data.augment import Places, draw, move, recolour
from modality_translate.data.patches import BEYOND, Sampler
from modality_translate.data.prefetch import prefetch
from modality_translate.data.share import share
from modality_translate.data.store import FULL, Store
from modality_translate.objectives import Batch
from modality_translate.recipe import Recipe
from modality_translate.volumes.volume import Array


class Named(NamedTuple):
    """A batch and the cases it shows, for error messages."""

    batch: Batch
    names: tuple[str, ...]


def batches(store: Store, recipe: Recipe, fabric: Fabric, first: int) -> Generator[Named, None, None]:
    """This process's share of the batches of steps `first` to the recipe's last.

    Each batch depends on the seed and its step alone, not on how many processes share it.
    """
    return prefetch(BatchMaker(store, recipe, fabric).make, range(first, recipe.training.steps))


class BatchMaker:
    """Makes the batch of any step. `recipe` must be complete."""

    def __init__(self, store: Store, recipe: Recipe, fabric: Fabric) -> None:
        spec = recipe.spec()
        assert spec.spacing is not None
        self.recipe = recipe
        self.fabric = fabric
        size, parts = recipe.training.batch, recipe.training.accumulate
        self.mine = share(size, parts, fabric.global_rank, fabric.world_size)
        self.sampler = Sampler(store, spec, size, recipe.seed, self.mine)
        self.plane = spec.spacing[:2]
        self.airs = [background / FULL for background in self.sampler.backgrounds]

    def make(self, step: int) -> Named:
        """This process's patches of the step's draw, changed by the step's draw."""
        generator = self.sampler.generator(step)
        patches = self.sampler.batch(generator)
        chance = draw(generator, self.recipe).of(self.mine)
        source, target = self.fabric.to_device((torch.from_numpy(patches.source), torch.from_numpy(patches.target)))
        source = recolour(move(source, chance.source_places, self.plane, self.airs[0]), chance.looks)
        target = move(target, chance.target_places, self.plane, self.airs[1])
        body = self._body(patches.body, chance.source_places)
        target_body = None if patches.target_body is None else self._body(patches.target_body, chance.target_places)
        return Named(Batch(source, target, body, target_body), patches.names)

    def _body(self, mask: Array, places: Places) -> Tensor:
        return move(self.fabric.to_device(torch.from_numpy(mask)), places, self.plane, BEYOND)
