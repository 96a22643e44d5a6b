"""Volumes as the reference sees them: axial slices, 8 bits, enlarged to a square."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from modality_translate import Volume
from modality_translate.volumes import Array, orient, orient_like

SIZE, LOADED = 256, 286
"""Pixels of a network's image, and of the image it is cropped from in training."""
WINDOW = (-1000.0, 1000.0)
"""HU that become 0 and 255."""
BRIGHTEST = 99.5
"""Percentile of an MR volume that becomes 255; 0 stays 0."""


def mr_bytes(volume: Volume) -> Tensor:
    """The axial slices of an MR, (Z, 1, X, Y) uint8, X to the right and Y to the front."""
    array, _ = orient(volume.array, volume.grid)
    return _bytes(array / max(float(np.percentile(array, BRIGHTEST)), 1e-6))


def ct_bytes(volume: Volume) -> Tensor:
    """The axial slices of a CT, (Z, 1, X, Y) uint8."""
    low, high = WINDOW
    array, _ = orient(volume.array, volume.grid)
    return _bytes((array - low) / (high - low))


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, 1, H, W) uint8 to (N, 1, *size) uint8, bicubic as for photographs, whatever the aspect becomes."""
    scaled = F.interpolate(images.float(), size, mode="bicubic", antialias=True, align_corners=False)
    return scaled.round().clamp(0, 255).byte()


def to_network(images: Tensor) -> Tensor:
    """uint8 to [-1, 1] float32."""
    return images.float() / 127.5 - 1.0


def from_network(images: Tensor) -> Tensor:
    """[-1, 1] to uint8, as the reference saves its results."""
    return ((images + 1.0) * 127.5).round().clamp(0, 255).byte()


def hounsfield(images: Tensor, like: Volume) -> Volume:
    """CT slices (Z, 1, X, Y) uint8 as a volume in HU on the grid of `like`."""
    low, high = WINDOW
    array = images[:, 0].permute(1, 2, 0).float().numpy() / 255.0 * (high - low) + low
    _, canonical = orient(like.array, like.grid)
    return Volume(np.ascontiguousarray(orient_like(array, canonical, like.grid)), like.grid)


class Augmented:
    """Draws training images from volumes' slices: a random crop of the enlarged slice, mirrored left-right or not.

    Every slice comes once before any comes again. Images are (1, 1, 256, 256) float32 in [-1, 1].
    """

    def __init__(self, seed: int, *aligned: list[Tensor]) -> None:
        """`aligned` are lists of volumes, (Z, 1, X, Y) uint8 each, that get the same draws."""
        self.stacks = [torch.cat([resized(volume, (LOADED, LOADED)) for volume in volumes]) for volumes in aligned]
        self._random = torch.Generator().manual_seed(seed)
        self._left: list[int] = []

    def draw(self) -> list[Tensor]:
        """One image from each of the aligned lists."""
        if not self._left:
            self._left = torch.randperm(len(self.stacks[0]), generator=self._random).tolist()
        place = self._left.pop()
        row, column = torch.randint(LOADED - SIZE + 1, (2,), generator=self._random).tolist()
        mirrored = bool(torch.randint(2, (), generator=self._random))
        crops = [stack[place : place + 1, :, row : row + SIZE, column : column + SIZE] for stack in self.stacks]
        return [to_network(crop.flip(2) if mirrored else crop) for crop in crops]


def _bytes(unit: Array) -> Tensor:
    """(X, Y, Z) in [0, 1] to slices (Z, 1, X, Y) uint8."""
    scaled = np.rint(np.clip(unit, 0.0, 1.0) * 255.0).astype(np.uint8)
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))[:, None]
