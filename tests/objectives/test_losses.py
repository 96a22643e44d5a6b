from __future__ import annotations

import math

import pytest
import torch
from skimage.metrics import structural_similarity

from modality_translate.objectives import losses

SLICE, VOLUME = (2, 1, 24, 20, 1), (2, 1, 12, 16, 10)
BOTH = pytest.mark.parametrize("shape", [SLICE, VOLUME], ids=["slice", "volume"])


@BOTH
@pytest.mark.parametrize("term", [losses.absolute, losses.dissimilarity, losses.gradient_difference])
def test_equal_images_cost_nothing_and_others_something(term, shape):
    image = torch.rand(shape) * 2 - 1
    assert term(image, image).item() == pytest.approx(0.0, abs=1e-5)
    assert term(image, image.flip(2)).item() > 0.01


def test_dissimilarity_is_near_scikit_image_s_with_its_wider_window():
    image, reference = (torch.rand(1, 1, 40, 48, 1) * 2 - 1 for _ in range(2))
    mixed = 0.8 * reference + 0.2 * image
    arrays = [x[0, 0, :, :, 0].double().numpy() + 1.0 for x in (mixed, reference)]
    expected = structural_similarity(*arrays, gaussian_weights=True, use_sample_covariance=False, data_range=2.0)
    assert losses.dissimilarity(mixed, reference).item() == pytest.approx(1.0 - expected, abs=5e-3)


def test_a_volume_of_equal_slices_is_as_dissimilar_as_one_slice():
    image, reference = (torch.rand(1, 1, 16, 16, 1) for _ in range(2))
    expected = losses.dissimilarity(image, reference)
    volumes = [x.expand(-1, -1, -1, -1, 9).contiguous() for x in (image, reference)]
    torch.testing.assert_close(losses.dissimilarity(*volumes), expected, rtol=0, atol=1e-5)


@BOTH
def test_a_constant_offset_has_no_gradient_difference(shape):
    image = torch.rand(shape)
    assert losses.gradient_difference(image + 0.5, image).item() == pytest.approx(0.0, abs=1e-6)


@BOTH
@pytest.mark.parametrize("contrast", [-1.0, 0.2, 3.0])
def test_the_same_structure_at_another_contrast_costs_nothing(shape, contrast):
    image = torch.rand(shape)
    assert losses.structure_difference(contrast * image + 0.1, image).item() == pytest.approx(0.0, abs=1e-4)


def test_structure_elsewhere_costs_something():
    image = torch.zeros(1, 1, 16, 16, 1)
    image[:, :, 4:8, 4:8] = 1.0
    assert losses.structure_difference(image.roll(6, dims=2), image).item() > 0.5


def test_air_has_no_structure_and_finite_gradients():
    air = torch.full((1, 1, 8, 8, 1), -1.0, requires_grad=True)
    losses.structure_difference(air, torch.full((1, 1, 8, 8, 1), -1.0)).backward()
    assert torch.isfinite(air.grad).all()


@BOTH
def test_a_field_that_moves_everything_alike_is_smooth_and_a_bent_one_is_not(shape):
    axes = 2 if shape == SLICE else 3
    field = torch.full((shape[0], axes, *shape[2:]), 3.0)
    assert losses.roughness(field).item() == 0.0
    field[:, 0] += 0.5 * torch.arange(float(shape[2]))[:, None, None]
    assert losses.roughness(field).item() == pytest.approx(0.25 / axes)


def test_places_that_look_alike_before_and_after_are_found():
    vectors = torch.nn.functional.normalize(torch.randn(2, 50, 16), dim=-1)
    assert losses.patch_contrast(vectors, vectors).item() < 0.1
    assert losses.patch_contrast(vectors, vectors.roll(1, dims=1)).item() > 5.0


def test_places_that_all_look_the_same_cannot_be_told_apart():
    vectors = torch.ones(2, 50, 4) / 2.0
    assert losses.patch_contrast(vectors, vectors).item() == pytest.approx(math.log(50), rel=1e-5)


def test_the_steepness_of_a_linear_critic_is_its_squared_weight():
    images = torch.randn(3, 2, 4, 4, 1, requires_grad=True)
    weight = torch.randn(2, 4, 4, 1)
    scores = (images * weight).sum(dim=(1, 2, 3, 4)).view(3, 1, 1, 1)
    assert losses.steepness([scores], images).item() == pytest.approx(weight.square().sum().item(), rel=1e-5)


def test_an_undecided_critic_is_at_equilibrium():
    undecided = [torch.full((2, 1, 3, 3), 0.5)]
    discriminator = 0.5 * (losses.towards(undecided, 1.0) + losses.towards(undecided, 0.0))
    assert discriminator.item() == pytest.approx(0.25)
    assert losses.towards(undecided, 1.0).item() == pytest.approx(0.25)


def test_the_share_of_right_scores_counts_real_and_synthetic_alike():
    real, synthetic = [torch.tensor([0.9, 0.8, 0.1, 0.7])], [torch.tensor([0.9, 0.1])]
    assert losses.share_right(real, synthetic).item() == pytest.approx((0.75 + 0.5) / 2)


@BOTH
@pytest.mark.parametrize("term", [losses.absolute, losses.dissimilarity, losses.gradient_difference])
def test_what_has_no_weight_costs_nothing(term, shape):
    image = torch.rand(shape)
    weight = torch.ones(shape)
    weight[:, :, -6:] = 0.0
    changed = image.clone()
    changed[:, :, -2:] += 1.0
    assert term(changed, image, weight).item() == pytest.approx(0.0, abs=1e-5)
    assert term(changed, image).item() > 0.01


@BOTH
@pytest.mark.parametrize("term", [losses.absolute, losses.dissimilarity, losses.gradient_difference])
def test_equal_weights_change_nothing(term, shape):
    image, reference = torch.rand(shape), torch.rand(shape)
    half = torch.full(shape, 0.5)
    assert term(image, reference, half).item() == pytest.approx(term(image, reference).item(), rel=1e-5)


@BOTH
def test_only_what_a_translation_shows_well_outside_the_body_is_clutter(shape):
    body = torch.zeros(shape)
    body[:, :, :8] = 1.0
    image = torch.full(shape, -0.9)
    assert losses.clutter(image, body, air=-0.9).item() == 0.0
    image[:, :, :10] = 0.5
    assert losses.clutter(image, body, air=-0.9).item() == 0.0, "inside, and within two voxels of it, all is allowed"
    image[:, :, 10:12] = 0.1
    expected = 2 / shape[2]
    assert losses.clutter(image, body, air=-0.9).item() == pytest.approx(expected, rel=1e-5)


def test_beyond_the_volume_nothing_is_clutter():
    body = torch.full(SLICE, -1.0)
    body[:, :, :8] = 1.0
    assert losses.clutter(torch.ones(SLICE), body, air=-1.0).item() == 0.0
