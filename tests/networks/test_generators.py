from __future__ import annotations

import pytest
import torch

from modality_translate import recipe
from modality_translate.errors import RecipeError
from modality_translate.networks import GENERATORS, build_generator

SLICES = recipe.Geometry(patch=(32, 32))


def tiny(kind: str, **changes: object) -> recipe.Generator:
    return recipe.Generator.model_validate({"kind": kind, "width": 4, "levels": 3, **changes})


@pytest.mark.parametrize("kind", sorted(GENERATORS))
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_a_generator_answers_with_the_core_of_its_patch(kind, norm, geometry):
    tiling = geometry.tiling()
    network = build_generator(tiny(kind, norm=norm), geometry)
    assert network(torch.rand(2, 1, *tiling.patch)).shape == (2, 1, *tiling.core)


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_every_weight_of_a_generator_learns(kind, geometry):
    network = build_generator(tiny(kind), geometry)
    network(torch.rand(2, 1, *geometry.tiling().patch)).square().mean().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_batch_norm_answers_for_a_patch_whatever_else_is_in_the_batch(kind, geometry):
    network = build_generator(tiny(kind, norm="batch"), geometry).double()
    patches = torch.rand(3, 1, *geometry.tiling().patch, dtype=torch.float64)
    network(patches)
    network.eval()
    torch.testing.assert_close(network(patches)[:1], network(patches[:1]), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_a_generator_can_answer_outside_the_range_so_that_its_ends_are_reachable(kind):
    network = build_generator(tiny(kind), SLICES).train()
    assert network(100.0 * torch.randn(2, 1, 32, 32, 1)).min() < 0


def test_the_same_seed_gives_the_same_weights():
    first, second = (_seeded_weights() for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def _seeded_weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return build_generator(tiny("residual_unet"), SLICES).state_dict()


def test_a_residual_unet_grows_with_its_blocks():
    sizes = [
        sum(w.numel() for w in build_generator(tiny("residual_unet", blocks=b), SLICES).parameters()) for b in (1, 2)
    ]
    assert sizes[0] < sizes[1]


def test_dropout_is_off_at_inference():
    network = build_generator(tiny("residual_unet", dropout=0.5), SLICES).eval()
    patch = torch.rand(1, 1, 32, 32, 1)
    assert torch.equal(network(patch), network(patch))
    assert not torch.equal(network.train()(patch), network(patch))


def test_the_middle_slice_is_the_one_translated():
    network = build_generator(tiny("residual_unet"), recipe.Geometry(patch=(16, 16), context=3)).eval().double()
    stack = torch.rand(1, 1, 16, 16, 3, dtype=torch.float64)
    channels = network.network(torch.stack([stack[0, 0, :, :, slice_] for slice_ in range(3)])[None])
    torch.testing.assert_close(network(stack)[..., 0], channels)


def test_an_unknown_generator_shows_the_choices():
    with pytest.raises(RecipeError, match=r"'vit' is unknown\. Choose one of: residual_unet, unet, resnet, monai_unet"):
        build_generator(tiny("vit"), SLICES)


@pytest.mark.parametrize(("kind", "multiple"), [("residual_unet", 4), ("unet", 4), ("resnet", 8), ("monai_dynunet", 4)])
def test_a_patch_that_cannot_be_halved_names_the_multiple(kind, multiple):
    with pytest.raises(RecipeError, match=rf"\(32, 30\) does not fit {kind}.* must be a multiple of {multiple}"):
        build_generator(tiny(kind), recipe.Geometry(patch=(32, 30)))


def test_a_patch_that_shrinks_to_one_voxel_is_refused():
    with pytest.raises(RecipeError, match="single voxel"):
        build_generator(tiny("unet"), recipe.Geometry(patch=(4, 4)))


@pytest.mark.parametrize(("kind", "levels"), [("unet", 2), ("monai_unet", 2), ("monai_dynunet", 3)])
def test_too_few_levels_are_refused(kind, levels):
    with pytest.raises(RecipeError, match=f"needs at least {levels} levels, not 1"):
        build_generator(tiny(kind, levels=1), SLICES)


@pytest.mark.parametrize("kind", ["residual_unet", "unet", "resnet"])
def test_an_untrained_generator_answers_near_the_middle_of_the_range(kind, geometry):
    network = build_generator(tiny(kind), geometry)
    assert network(torch.rand(4, 1, *geometry.tiling().patch) * 2 - 1).abs().mean() < 0.5
