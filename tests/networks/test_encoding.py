from __future__ import annotations

import pytest
import torch

from modality_translate import recipe
from modality_translate.errors import RecipeError
from modality_translate.networks import Projections, build_generator, encode, encoded_channels

OWN = pytest.mark.parametrize("kind", ["residual_unet", "unet", "resnet"])


def tiny(kind: str) -> recipe.Generator:
    return recipe.Generator.model_validate({"kind": kind, "width": 4, "levels": 2})


@OWN
def test_the_maps_go_from_the_patch_s_size_to_the_coarsest(kind, geometry):
    network = build_generator(tiny(kind), geometry)
    maps = encode(network, torch.rand(2, 1, *geometry.tiling().patch))
    assert [map_.shape[1] for map_ in maps] == encoded_channels(network)
    assert tuple(maps[0].shape[2:]) == geometry.patch
    sizes = [map_[0, 0].numel() for map_ in maps]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0]


@OWN
def test_a_map_shows_its_own_neighbourhood(kind):
    network = build_generator(tiny(kind), recipe.Geometry(patch=(32, 32))).eval()
    patch = torch.rand(1, 1, 32, 32, 1)
    changed = patch.clone()
    changed[:, :, 20:, 20:] += 1.0
    before, after = (encode(network, x)[0] for x in (patch, changed))
    assert torch.equal(before[:, :, :12, :12], after[:, :, :12, :12])
    assert not torch.equal(before[:, :, 20:, 20:], after[:, :, 20:, 20:])


@pytest.mark.parametrize(("kind", "levels"), [("monai_unet", 2), ("monai_dynunet", 3)])
def test_a_network_without_such_maps_is_refused(kind, levels):
    settings = recipe.Generator(kind=kind, width=4, levels=levels)
    with pytest.raises(RecipeError, match="does not show the maps of its encoder"):
        encoded_channels(build_generator(settings, recipe.Geometry(patch=(32, 32))))


def test_projections_have_length_one_and_follow_the_places():
    maps = [torch.randn(2, 3, 4, 5), torch.randn(2, 6, 2, 2, 2)]
    heads = Projections([3, 6])
    places = [torch.tensor([7, 0, 19]), torch.tensor([5])]
    fine, coarse = heads(maps, places)
    assert (fine.shape, coarse.shape) == ((2, 3, 256), (2, 1, 256))
    torch.testing.assert_close(fine.norm(dim=-1), torch.ones(2, 3))
    everywhere = heads(maps, [torch.arange(20), torch.arange(8)])[0]
    torch.testing.assert_close(fine, everywhere[:, places[0]])
