"""Earlier synthetic images, shown to the discriminators again (Shrivastava et al., CVPR 2017)."""

from __future__ import annotations

import torch
from torch import Tensor

from modality_translate.objectives.base import State


class ImagePool:
    """Keeps up to `size` images; draws are its own, from `seed`, so that a resumed run repeats them."""

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self._images: list[Tensor] = []
        self._random = torch.Generator().manual_seed(seed)

    def exchange(self, images: Tensor) -> Tensor:
        """For each of the new images (N, ...), with equal odds either itself or an earlier one that it replaces."""
        return torch.stack([self._one(image) for image in images.detach()]) if self.size else images.detach()

    def _one(self, image: Tensor) -> Tensor:
        if len(self._images) < self.size:
            self._images.append(image.clone())
            return image
        if self._draw(2) == 0:
            return image
        place = self._draw(self.size)
        earlier, self._images[place] = self._images[place], image.clone()
        return earlier.to(image.device)

    def _draw(self, choices: int) -> int:
        return int(torch.randint(choices, (), generator=self._random))

    def state_dict(self) -> State:
        images = torch.stack(self._images).cpu() if self._images else None
        return {"images": images, "random": self._random.get_state()}

    def load_state_dict(self, state: State) -> None:
        self._images = [] if state["images"] is None else list(state["images"].clone())
        self._random.set_state(state["random"])
