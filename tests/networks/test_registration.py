from __future__ import annotations

import pytest
import torch

from modality_translate import recipe
from modality_translate.networks import Registration, warp


def images(geometry: recipe.Geometry) -> tuple[torch.Tensor, torch.Tensor]:
    """Two targets, and their translations."""
    return torch.rand(2, 1, *geometry.tiling().core), torch.rand(2, 1, *geometry.tiling().core)


def axes(geometry: recipe.Geometry) -> int:
    return geometry.dims


def test_a_fresh_network_moves_nothing(geometry):
    field = Registration(geometry, reach=8.0)(*images(geometry))
    assert field.shape == (2, axes(geometry), *geometry.tiling().core)
    assert not field.any()


def test_every_weight_learns(geometry):
    network = Registration(geometry, reach=8.0)
    torch.nn.init.normal_(network.network.head.weight)
    network(*images(geometry)).square().mean().backward()
    assert [name for name, weight in network.named_parameters() if not weight.grad.any()] == []


def test_no_displacement_is_longer_than_the_reach(geometry):
    network = Registration(geometry, reach=3.0).eval()
    torch.nn.init.normal_(network.network.head.weight, std=100.0)
    longest = network(*(10.0 * image - 5.0 for image in images(geometry))).abs().max().item()
    assert longest == pytest.approx(3.0, abs=1e-4)


def test_what_all_pairs_share_is_taken_out(geometry):
    network = Registration(geometry, reach=8.0)
    torch.nn.init.constant_(network.network.head.bias, 2.0)
    both = images(geometry)
    first, *_, last = (network(*both).mean().item() for _ in range(100))
    assert first > 1.5
    assert last == pytest.approx(0.0, abs=0.05)
    assert network.eval()(*both).mean().item() == pytest.approx(last, abs=1e-3)


@pytest.mark.parametrize("patch", [(12, 20), (10, 10), (9, 15)])
def test_any_patch_size_can_be_registered(patch):
    network = Registration(recipe.Geometry(patch=patch), reach=1.0)
    assert network(*torch.rand(2, 1, 1, *patch, 1)).shape == (1, 2, *patch, 1)


def test_no_displacement_is_no_change(geometry):
    image = torch.rand(2, 1, *geometry.tiling().core)
    field = torch.zeros(2, axes(geometry), *geometry.tiling().core)
    torch.testing.assert_close(warp(image, field), image, rtol=0, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_volume_is_read_further_along_the_axis_it_is_displaced_on(axis):
    image = torch.rand(1, 1, 6, 8, 10)
    field = torch.zeros(1, 3, 6, 8, 10)
    field[:, axis] = 2.0
    warped = warp(image, field)
    length = image.shape[2 + axis]
    torch.testing.assert_close(
        warped.narrow(2 + axis, 0, length - 2), image.narrow(2 + axis, 2, length - 2), rtol=0, atol=1e-5
    )
    # Beyond the border the nearest voxel is seen.
    torch.testing.assert_close(
        warped.narrow(2 + axis, length - 1, 1), image.narrow(2 + axis, length - 1, 1), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_a_slice_is_read_half_way_between_two_voxels(axis):
    image = torch.rand(1, 1, 6, 8, 1)
    field = torch.zeros(1, 2, 6, 8, 1)
    field[:, axis] = 0.5
    expected = 0.5 * (image + image.roll(-1, dims=2 + axis))
    torch.testing.assert_close(
        warp(image, field).narrow(2 + axis, 0, 5), expected.narrow(2 + axis, 0, 5), rtol=0, atol=1e-5
    )


def test_many_voxels_are_told_apart_in_sixteen_bits():
    image = torch.arange(400.0).view(1, 1, 400, 1, 1).expand(1, 1, 400, 2, 1)
    field = torch.zeros(1, 2, 400, 2, 1, dtype=torch.bfloat16)
    torch.testing.assert_close(warp(image, field), image.contiguous(), rtol=0, atol=1e-2)
