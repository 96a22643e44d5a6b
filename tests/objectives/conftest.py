from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric

from modality_translate.objectives import Batch
from modality_translate.recipe import Recipe, recipe_from

TINY: dict[str, Any] = {
    "name": "tiny",
    "data": {"phantom": {}},
    "source": {"modality": "MR"},
    "target": {"modality": "CT"},
    "geometry": {"patch": [16, 16]},
    "generator": {"width": 4, "levels": 2, "blocks": 1},
    "discriminator": {"width": 4, "layers": 1},
    "optimiser": {"lr": 2e-3},
}


def _merge(base: dict[str, Any], changes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return base | {
        key: base.get(key, {}) | value if isinstance(value, dict) else value for key, value in changes.items()
    }


@pytest.fixture
def tiny() -> Callable[..., Recipe]:
    """A recipe of the smallest networks, with changed tables: tiny(objective={"kind": "cyclegan"})."""
    return lambda **changes: recipe_from(_merge(TINY, changes), "test")


@pytest.fixture
def fabric() -> Fabric:
    return Fabric(accelerator="cpu", devices=1)


@pytest.fixture
def batches() -> Callable[..., list[Batch]]:
    """Smooth blobs and their inverted contrast, differently placed in each patch."""

    def make(recipe: Recipe, count: int, size: int = 4) -> list[Batch]:
        draw = torch.Generator().manual_seed(1)
        shape = recipe.geometry.tiling().patch
        return [_inverted(torch.rand(size, 1, 1, 1, 1, generator=draw), shape) for _ in range(count)]

    return make


def _inverted(phase: torch.Tensor, shape: tuple[int, int, int]) -> Batch:
    x, y, z = (torch.arange(float(n)) / n for n in shape)
    waves = torch.sin(6.3 * (x[:, None, None] + phase)) * torch.cos(6.3 * (y[:, None] - phase + 0.2 * z))
    return Batch(waves, -0.8 * waves)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
