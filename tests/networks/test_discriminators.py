from __future__ import annotations

import pytest
import torch

from modality_translate import recipe
from modality_translate.errors import RecipeError
from modality_translate.networks import DISCRIMINATORS, build_discriminator

MAPS = {"patch": 1, "multiscale_patch": 2}


def tiny(kind: str, **changes: object) -> recipe.Discriminator:
    return recipe.Discriminator.model_validate({"kind": kind, "width": 2, "layers": 1, **changes})


@pytest.mark.parametrize("kind", sorted(DISCRIMINATORS))
@pytest.mark.parametrize("norm", ["batch", "instance", "spectral", "none"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    "geometry",
    [recipe.Geometry(patch=(16, 24), context=3), recipe.Geometry(dims=3, patch=(16, 12, 20))],
    ids=["slice", "volume"],
)
def test_a_discriminator_scores_every_region(kind, norm, channels, geometry):
    network = build_discriminator(tiny(kind, norm=norm), geometry, channels)
    maps = network(torch.rand(2, channels, *geometry.tiling().core))
    assert len(maps) == MAPS[kind]
    for scores in maps:
        assert scores.shape[:2] == (2, 1)
        assert scores.dim() == 2 + geometry.dims


@pytest.mark.parametrize(("kind", "layers", "least"), [("patch", 3, 24), ("patch", 1, 6), ("multiscale_patch", 2, 48)])
def test_the_smallest_patch_is_enough_and_a_smaller_one_is_refused(kind, layers, least):
    settings = tiny(kind, layers=layers)
    network = build_discriminator(settings, recipe.Geometry(patch=(least, least)), 1)
    assert all(torch.isfinite(scores).all() for scores in network(torch.rand(1, 1, least, least, 1)))
    with pytest.raises(RecipeError, match=f"too small for {kind} with {layers} layers, which needs {least}"):
        build_discriminator(settings, recipe.Geometry(patch=(least - 2, least)), 1)


@pytest.mark.parametrize("geometry", [recipe.Geometry(patch=(16, 16)), recipe.Geometry(dims=3, patch=(12, 12, 12))])
def test_spectral_norm_bounds_what_a_change_of_the_image_does(geometry):
    network = build_discriminator(tiny("patch", norm="spectral", width=4), geometry, 1)
    for parameter in network.parameters():
        parameter.data.mul_(50.0)
    patch = torch.rand(1, 1, *geometry.tiling().core)
    for _ in range(20):
        network(patch)
    change = (network(patch + 0.1)[0] - network(patch)[0]).abs().max().item()
    # Three layers whose kernels, as matrices, stretch by at most 1; a kernel of 4 per axis overlaps itself.
    assert change < 0.1 * 2**9


def test_an_unknown_discriminator_shows_the_choices():
    with pytest.raises(RecipeError, match=r"'pixel' is unknown\. Choose one of: patch, multiscale_patch"):
        build_discriminator(tiny("pixel"), recipe.Geometry(), 1)
