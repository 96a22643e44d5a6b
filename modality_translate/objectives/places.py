"""Where feature maps are compared: places drawn anew at every step."""

from __future__ import annotations

import torch
from torch import Tensor

from modality_translate.objectives.base import State


class Places:
    """Draws up to `count` places per map; draws are its own, from `seed`, so that a resumed run repeats them."""

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self._random = torch.Generator().manual_seed(seed)

    def draw(self, maps: list[Tensor]) -> list[Tensor]:
        """For each map (N, channels, *size) different voxels' numbers in storage order, the same for all N."""
        return [self._of(map_[0, 0].numel()).to(map_.device) for map_ in maps]

    def _of(self, voxels: int) -> Tensor:
        return torch.randperm(voxels, generator=self._random)[: self.count]

    def state_dict(self) -> State:
        return {"random": self._random.get_state()}

    def load_state_dict(self, state: State) -> None:
        self._random.set_state(state["random"])
