from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from modality_translate.data.augment import Looks, Places, draw, move, recolour
from modality_translate.recipe import Recipe

SQUARE = (1.0, 1.0)


def places(flip: str = "", angle: float = 0.0, zoom: float = 1.0, bend: float = 0.0) -> Places:
    """One patch's; `bend` moves the control point nearest to the low corner along X."""
    mirrored = torch.tensor([["x" in flip, "y" in flip]])
    bends = torch.zeros(1, 2, 4, 4, dtype=torch.float64)
    bends[0, 0, 0, 0] = bend
    return Places(mirrored, torch.tensor([angle]).double(), torch.tensor([zoom]).double(), bends)


def looks(
    gamma: float = 1.0, missing: tuple[float, float, float] = (0.0, 0.0, 0.0), noise: float = 0.0, seed: int = 0
) -> Looks:
    return Looks(
        torch.tensor([gamma]), torch.zeros(1, 1, 3, 3, 3), torch.tensor([missing]), noise, torch.tensor([seed])
    )


def image() -> torch.Tensor:
    return torch.rand(1, 1, 9, 7, 3, generator=torch.Generator().manual_seed(0)) - 0.5


@pytest.mark.parametrize(("axes", "flipped"), [("x", (2,)), ("y", (3,)), ("xy", (2, 3))])
def test_a_flip_is_along_its_axes_and_exact(axes, flipped):
    assert torch.equal(move(image(), places(flip=axes), SQUARE, -1.0), image().flip(flipped))


def test_nothing_drawn_changes_nothing():
    assert torch.equal(move(image(), places(), SQUARE, -1.0), image())


def test_a_quarter_turn_of_a_square_is_exact():
    square = image()[:, :, :7]
    turned = move(square, places(angle=90.0), SQUARE, -1.0)
    choices = [torch.rot90(square, k, (2, 3)) for k in (1, 3)]
    assert any(torch.allclose(turned, choice, atol=1e-5) for choice in choices)


def test_a_turn_is_rigid_on_oblong_voxels():
    patch = torch.full((1, 1, 41, 41, 1), -1.0)
    x, y = torch.meshgrid(torch.arange(41.0) - 20, torch.arange(41.0) - 20, indexing="ij")
    patch[0, 0, ((x * 1.0) ** 2 + (y * 2.0) ** 2) < 15**2] = 1.0  # a disc of 15 mm on voxels of 1 x 2 mm
    turned = move(patch, places(angle=30.0), (1.0, 2.0), -1.0)
    assert (turned - patch).abs().mean() < 0.05


@pytest.mark.parametrize("angle", [-180.0, -75.0, 30.0, 130.0])
def test_any_turn_with_a_zoom_keeps_shapes_in_millimetres(angle: float):
    """On voxels of 1 x 2 mm; the angle counts from X (right) to Y (front)."""
    x, y = torch.meshgrid(torch.arange(71.0) - 35, 2.0 * (torch.arange(37.0) - 18), indexing="ij")

    def disc(x0: float, y0: float, radius: float) -> torch.Tensor:
        return torch.tanh(radius - ((x - x0) ** 2 + (y - y0) ** 2).sqrt())[None, None, ..., None]

    turn = math.radians(angle)
    moved = move(disc(10.0, 0.0, 8.0), places(angle=angle, zoom=1.25), (1.0, 2.0), -1.0)
    expected = disc(12.5 * math.cos(turn), 12.5 * math.sin(turn), 10.0)
    assert (moved - expected).abs().mean() < 0.03


def test_half_a_turn_is_both_flips():
    turned = move(image(), places(angle=180.0), (1.0, 2.0), -1.0)
    assert torch.allclose(turned, image().flip((2, 3)), atol=1e-4)


def test_a_turn_and_its_reverse_on_oblong_voxels_meet_again():
    noise = torch.rand(1, 1, 48, 48, 1, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool3d(noise, (9, 9, 1), 1, (4, 4, 0))
    back = move(move(smooth, places(angle=50.0), (1.0, 2.0), 0.0), places(angle=-50.0), (1.0, 2.0), 0.0)
    assert (back - smooth)[:, :, 18:30, 18:30].abs().max() < 0.04


def test_a_bend_moves_what_lies_near_its_control_point_only():
    ramp = torch.arange(33.0).reshape(1, 1, 33, 1, 1).expand(1, 1, 33, 33, 1) / 33
    bent = move(ramp, places(bend=0.1), SQUARE, 0.0)
    assert 0.8 < (bent - ramp)[0, 0, 2, 2, 0] * 33 < 1.6
    assert torch.allclose(bent[0, 0, 20:, 20:], ramp[0, 0, 20:, 20:], atol=0.02)


def test_what_enters_from_outside_is_background():
    shrunk = move(torch.ones(1, 1, 16, 16, 2), places(zoom=0.5), SQUARE, -0.9)
    assert torch.allclose(shrunk[0, 0, 0, 0], torch.tensor(-0.9))
    assert torch.allclose(shrunk[0, 0, 8, 8], torch.tensor(1.0))


def test_noise_is_repeated_by_its_seed_and_stays_in_range():
    first, again = (recolour(image(), looks(noise=0.5, seed=3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, image())
    assert first.abs().max() <= 1


def test_neutral_looks_leave_the_source_alone():
    assert torch.equal(recolour(image(), looks()), image())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_is_missing_is_black_from_one_end_on(axis):
    sizes = [9, 7, 3]
    cut = torch.zeros(3)
    for end in (1 / 3, -1 / 3):
        cut[axis] = end
        dark = (recolour(image(), looks(missing=tuple(cut.tolist()))) == -1.0).movedim(2 + axis, 0).flatten(1).all(1)
        expected = torch.arange(sizes[axis]) < round(sizes[axis] / 3)
        assert torch.equal(dark, expected if end < 0 else expected.flip(0))


def test_contrast_keeps_black_and_white():
    ends = torch.tensor([-1.0, 0.0, 1.0]).reshape(1, 1, 3, 1, 1)
    low, middle, high = recolour(ends, looks(gamma=1.5)).flatten().tolist()
    assert (low, high) == (-1.0, 1.0)
    assert middle < 0


def test_a_pair_is_moved_alike_and_unpaired_sides_are_not(recipe_with):
    augmentation = {"rotate": 10.0, "scale": 0.1}
    pair = draw(np.random.default_rng(0), recipe_with(augmentation=augmentation))
    assert pair.target_places is pair.source_places
    apart = draw(np.random.default_rng(0), recipe_with(augmentation=augmentation, data={"paired": False}))
    assert not torch.equal(apart.source_places.angle, apart.target_places.angle)


def test_only_mr_sources_are_recoloured(recipe_with):
    augmentation = {"mr_gamma": 0.3, "mr_bias": 0.3, "missing": 1.0}
    mr = draw(np.random.default_rng(0), recipe_with(augmentation=augmentation)).looks
    ct = draw(np.random.default_rng(0), recipe_with(augmentation=augmentation, source={"modality": "CT"})).looks
    assert (mr.gamma != 1).all()
    assert mr.field.any()
    assert (mr.missing.count_nonzero(1) == 1).all()
    assert (ct.gamma == 1).all()
    assert not ct.field.any()
    assert not ct.missing.any()


def test_a_draw_is_a_function_of_the_generator(recipe: Recipe):
    first, again = (draw(np.random.default_rng(5), recipe) for _ in range(2))
    assert torch.equal(first.source_places.flip, again.source_places.flip)
    assert torch.equal(first.looks.seeds, again.looks.seeds)


def test_only_a_share_of_the_patches_is_moved(recipe_with):
    augmentation = {"rotate": 10.0, "scale": 0.1, "moved": 0.25}
    recipe = recipe_with(augmentation=augmentation, training={"batch": 400})
    places = draw(np.random.default_rng(0), recipe).source_places
    moved = places.angle != 0
    assert 0.15 < moved.float().mean() < 0.35
    assert torch.equal(moved, places.zoom != 1)


def test_a_patch_is_changed_alike_whatever_is_computed_beside_it(recipe_with):
    augmentation = {"rotate": 10.0, "scale": 0.1, "mr_gamma": 0.3, "mr_bias": 0.3, "noise": 0.1}
    chance = draw(np.random.default_rng(0), recipe_with(augmentation=augmentation))
    patches = torch.rand(4, 1, 9, 7, 3, generator=torch.Generator().manual_seed(0)) - 0.5

    def change(mine: list[int]) -> torch.Tensor:
        part = chance.of(mine)
        return recolour(move(patches[mine], part.source_places, SQUARE, -1.0), part.looks)

    assert torch.allclose(change([0, 1, 2, 3])[[1, 3]], change([1, 3]), atol=1e-6)
