from __future__ import annotations

import pytest
import torch

from modality_translate import recipe

GEOMETRIES = {
    "slice": recipe.Geometry(patch=(32, 16)),
    "stack": recipe.Geometry(patch=(16, 32), context=5),
    "volume": recipe.Geometry(dims=3, patch=(16, 8, 24)),
}


@pytest.fixture(params=sorted(GEOMETRIES))
def geometry(request: pytest.FixtureRequest) -> recipe.Geometry:
    """One network input of each sort: a slice, a stack of slices, a volume."""
    return GEOMETRIES[request.param]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
