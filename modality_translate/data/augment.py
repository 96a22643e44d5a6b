"""Random changes of training patches: drawn by one function, applied by another, so that they can be replayed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import kornia
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from modality_translate.recipe import Augmentation, Recipe

FIELD, BENDS = 3, 4
"""Control points per axis: of the smooth MR field, of the in-plane bending."""


@dataclass(frozen=True)
class Places:
    """Spatial part, per patch: mirrored along X and Y or not (N, 2), in-plane angle in degrees and zoom (N,), and
    in-plane displacements (N, 2, 4, 4) of control points, in fractions of half the patch."""

    flip: Tensor
    angle: Tensor
    zoom: Tensor
    bend: Tensor

    def of(self, patches: Sequence[int]) -> Places:
        """Those of the patches with these numbers."""
        return Places(*(value[list(patches)] for value in (self.flip, self.angle, self.zoom, self.bend)))


@dataclass(frozen=True)
class Looks:
    """Intensity part, for sources alone: contrast exponent (N,), log field (N, 1, 3, 3, 3), the share of the patch
    that lies outside the field of view along each axis (N, 3; negative: at its low end), noise and its seeds (N,)."""

    gamma: Tensor
    field: Tensor
    missing: Tensor
    noise: float
    seeds: Tensor

    def of(self, patches: Sequence[int]) -> Looks:
        """Those of the patches with these numbers."""
        chosen = (value[list(patches)] for value in (self.gamma, self.field, self.missing))
        return Looks(*chosen, self.noise, self.seeds[list(patches)])


@dataclass(frozen=True)
class Draw:
    """One batch's random numbers; for paired data `target_places` is `source_places` itself."""

    source_places: Places
    target_places: Places
    looks: Looks

    def of(self, patches: Sequence[int]) -> Draw:
        """What the patches with these numbers get of it."""
        return Draw(self.source_places.of(patches), self.target_places.of(patches), self.looks.of(patches))


def draw(generator: np.random.Generator, recipe: Recipe) -> Draw:
    """The random numbers for one batch of the recipe. Contrast and field stay neutral unless the source is MR."""
    settings, n = recipe.augmentation, recipe.training.batch
    source = _draw_places(generator, settings, n)
    target = source if recipe.data.paired else _draw_places(generator, settings, n)
    return Draw(source, target, _draw_looks(generator, settings, n, mr=recipe.source.modality == "MR"))


def move(patches: Tensor, places: Places, spacing: tuple[float, float], background: float) -> Tensor:
    """Mirror, turn, zoom and bend patches (N, 1, X, Y, Z) about their centre, every slice alike.

    `spacing` is the voxel size along X and Y in mm, so that a turn stays rigid on oblong voxels; what enters from
    outside is `background`. One linear interpolation.
    """
    for axis in (0, 1):
        mirrored = places.flip[:, axis].to(patches.device)[:, None, None, None, None]
        patches = torch.where(mirrored, patches.flip(2 + axis), patches)
    if not (places.angle.any() or (places.zoom != 1).any() or places.bend.any()):
        return patches
    slices = patches[:, 0].permute(0, 3, 1, 2) - background
    x, y = _seen_at(places, slices.shape[-2:], spacing).to(slices)
    # kornia's x runs along the last axis, which is our Y.
    moved = kornia.geometry.remap(slices, y, x, mode="bilinear", padding_mode="zeros", align_corners=True)
    return (moved + background).permute(0, 2, 3, 1)[:, None].contiguous()


def recolour(source: Tensor, looks: Looks) -> Tensor:
    """Contrast curve, smooth field and noise on source patches (N, 1, X, Y, Z) in [-1, 1], clipped to it."""
    gamma, field = looks.gamma.to(source), looks.field.to(source)
    if (looks.gamma != 1).any() or looks.field.any():
        bright = ((source + 1.0) / 2.0).clamp(0.0, 1.0) ** gamma[:, None, None, None, None]
        smooth = F.interpolate(field, size=source.shape[2:], mode="trilinear", align_corners=True)
        source = bright * smooth.exp() * 2.0 - 1.0
    source = _cut_away(source, looks)
    if looks.noise > 0:
        source = source + looks.noise * _noise(looks.seeds, source.shape[1:]).to(source)
    return source.clamp(-1.0, 1.0)


def _cut_away(source: Tensor, looks: Looks) -> Tensor:
    """-1, which is where a scanner shows nothing, on the drawn part of each patch."""
    for axis in range(3):
        share = looks.missing[:, axis]
        if not share.any():
            continue
        size = source.shape[2 + axis]
        middles = (torch.arange(size, dtype=share.dtype) + 0.5) / size
        from_end = torch.where(share[:, None] < 0, middles, 1.0 - middles)
        gone = (from_end < share.abs()[:, None]).to(source.device)
        shape = [-1, 1, *(size if other == axis else 1 for other in range(3))]
        source = source.masked_fill(gone.reshape(shape), -1.0)
    return source


def _noise(seeds: Tensor, shape: torch.Size) -> Tensor:
    """(N, *shape), each patch from its own seed: a patch gets the same noise whatever is computed beside it."""
    return torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds.tolist()])


def _draw_places(generator: np.random.Generator, settings: Augmentation, n: int) -> Places:
    mirrored = [axis in settings.flip for axis in "xy"]
    flip = generator.random((n, 2)) < 0.5 * np.array(mirrored)
    moved = generator.random(n) < settings.moved
    angle = moved * generator.uniform(-settings.rotate, settings.rotate, n)
    zoom = 1.0 + moved * generator.uniform(-settings.scale, settings.scale, n)
    bend = moved[:, None, None, None] * generator.normal(0.0, settings.bend, (n, 2, BENDS, BENDS))
    return Places(*(torch.from_numpy(drawn) for drawn in (flip, angle, zoom, bend)))


def _draw_looks(generator: np.random.Generator, settings: Augmentation, n: int, *, mr: bool) -> Looks:
    reach = math.log1p(settings.mr_gamma) if mr else 0.0
    gamma = np.exp(generator.uniform(-reach, reach, n))
    field = generator.normal(0.0, settings.mr_bias if mr else 0.0, (n, 1, FIELD, FIELD, FIELD))
    seeds = generator.integers(2**31, size=n)
    missing = _draw_missing(generator, settings.missing if mr else 0.0, n)
    drawn = [torch.from_numpy(each) for each in (gamma, field, missing)]
    return Looks(*drawn, settings.noise, torch.from_numpy(seeds))


def _draw_missing(generator: np.random.Generator, share: float, n: int) -> NDArray[np.float64]:
    """For `share` of the patches, one axis along which a part of them is cut away."""
    chosen = np.eye(3)[generator.integers(3, size=n)] * (generator.random(n) < share)[:, None]
    return chosen * generator.uniform(-1.0, 1.0, (n, 1))


def _seen_at(places: Places, plane: torch.Size, spacing: tuple[float, float]) -> Tensor:
    """(2, N, X, Y): the voxel along X, and along Y, that each voxel of the moved patch shows."""
    half = (torch.tensor(plane, dtype=torch.float64) - 1.0) / 2.0
    ends = [torch.linspace(-float(h), float(h), size, dtype=torch.float64) for h, size in zip(half, plane, strict=True)]
    away = torch.stack(torch.meshgrid(*ends, indexing="ij"))
    seen = torch.einsum("nij,jxy->inxy", _turned_back(places, spacing), away)
    bend = F.interpolate(places.bend, size=tuple(plane), mode="bicubic", align_corners=True).transpose(0, 1)
    return seen + (1.0 + bend) * half[:, None, None, None]


def _turned_back(places: Places, spacing: tuple[float, float]) -> Tensor:
    """(N, 2, 2) matrices from moved to unmoved voxels, from the centre."""
    angle = torch.deg2rad(places.angle)
    cos, sin = torch.cos(angle) / places.zoom, torch.sin(angle) / places.zoom
    oblong = spacing[1] / spacing[0]
    return torch.stack([torch.stack([cos, sin * oblong], -1), torch.stack([-sin / oblong, cos], -1)], -2)
