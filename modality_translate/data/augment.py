"""Random changes of training patches: drawn by one function, applied by another, so that they can be replayed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import kornia
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from modality_translate.recipe import Augmentation, Recipe

FIELD = 3
"""Control points per axis of the smooth MR field."""


@dataclass(frozen=True)
class Places:
    """Spatial part, one value per patch: mirrored or not, in-plane angle in degrees, in-plane zoom."""

    flip: Tensor
    angle: Tensor
    zoom: Tensor


@dataclass(frozen=True)
class Looks:
    """Intensity part, for sources alone: contrast exponent (N,), log field (N, 1, 3, 3, 3), seed and size of noise."""

    gamma: Tensor
    field: Tensor
    noise: float
    seed: int


@dataclass(frozen=True)
class Draw:
    """One batch's random numbers; for paired data `target_places` is `source_places` itself."""

    source_places: Places
    target_places: Places
    looks: Looks


def draw(generator: np.random.Generator, recipe: Recipe) -> Draw:
    """The random numbers for one batch of the recipe. Contrast and field stay neutral unless the source is MR."""
    settings, n = recipe.augmentation, recipe.training.batch
    source = _draw_places(generator, settings, n)
    target = source if recipe.data.paired else _draw_places(generator, settings, n)
    return Draw(source, target, _draw_looks(generator, settings, n, mr=recipe.source.modality == "MR"))


def move(patches: Tensor, places: Places, spacing: tuple[float, float], background: float) -> Tensor:
    """Mirror, turn and zoom patches (N, 1, X, Y, Z) about their centre, every slice alike.

    `spacing` is the voxel size along X and Y in mm, so that a turn stays rigid on oblong voxels; what enters from
    outside is `background`. Linear interpolation.
    """
    flip = places.flip.to(patches.device)[:, None, None, None, None]
    patches = torch.where(flip, patches.flip(2), patches)
    if not (places.angle.any() or (places.zoom != 1).any()):
        return patches
    slices = patches[:, 0].permute(0, 3, 1, 2) - background
    matrix = _about_centre(places, slices.shape[-2:], spacing).to(slices)
    moved = kornia.geometry.warp_affine(slices, matrix, slices.shape[-2:], mode="bilinear", padding_mode="zeros")
    return (moved + background).permute(0, 2, 3, 1)[:, None].contiguous()


def recolour(source: Tensor, looks: Looks) -> Tensor:
    """Contrast curve, smooth field and noise on source patches (N, 1, X, Y, Z) in [-1, 1], clipped to it."""
    gamma, field = looks.gamma.to(source), looks.field.to(source)
    if (looks.gamma != 1).any() or looks.field.any():
        bright = ((source + 1.0) / 2.0).clamp(0.0, 1.0) ** gamma[:, None, None, None, None]
        smooth = F.interpolate(field, size=source.shape[2:], mode="trilinear", align_corners=True)
        source = bright * smooth.exp() * 2.0 - 1.0
    if looks.noise > 0:
        generator = torch.Generator().manual_seed(looks.seed)
        source = source + looks.noise * torch.randn(source.shape, generator=generator).to(source)
    return source.clamp(-1.0, 1.0)


def _draw_places(generator: np.random.Generator, settings: Augmentation, n: int) -> Places:
    flip = generator.random(n) < (0.5 if settings.flip else 0.0)
    moved = generator.random(n) < settings.moved
    angle = moved * generator.uniform(-settings.rotate, settings.rotate, n)
    zoom = 1.0 + moved * generator.uniform(-settings.scale, settings.scale, n)
    return Places(torch.from_numpy(flip), torch.from_numpy(angle), torch.from_numpy(zoom))


def _draw_looks(generator: np.random.Generator, settings: Augmentation, n: int, *, mr: bool) -> Looks:
    reach = math.log1p(settings.mr_gamma) if mr else 0.0
    gamma = np.exp(generator.uniform(-reach, reach, n))
    field = generator.normal(0.0, settings.mr_bias if mr else 0.0, (n, 1, FIELD, FIELD, FIELD))
    seed = int(generator.integers(2**31))
    return Looks(torch.from_numpy(gamma), torch.from_numpy(field), settings.noise, seed)


def _about_centre(places: Places, plane: torch.Size, spacing: tuple[float, float]) -> Tensor:
    """(N, 2, 3) pixel matrices for kornia, whose x runs along the last axis (our Y) and y along our X."""
    angle = torch.deg2rad(places.angle)
    cos, sin = torch.cos(angle) * places.zoom, torch.sin(angle) * places.zoom
    oblong = spacing[0] / spacing[1]
    turn = torch.stack([torch.stack([cos, -sin * oblong], -1), torch.stack([sin / oblong, cos], -1)], -2)
    centre = torch.tensor([(plane[1] - 1) / 2, (plane[0] - 1) / 2], dtype=turn.dtype)
    return torch.cat([turn, (centre - turn @ centre)[..., None]], -1)
