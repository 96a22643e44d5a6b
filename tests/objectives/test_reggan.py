from __future__ import annotations

import pytest
import torch
from lightning_fabric import Fabric

from modality_translate.errors import RecipeError
from modality_translate.networks import warp
from modality_translate.objectives import Batch, build_objective
from modality_translate.recipe import recipe_from

TABLES = {
    "geometry": {"patch": [32, 32]},
    "generator": {"width": 8, "levels": 2, "blocks": 1},
    "optimiser": {"lr": 2e-3},
}
SHIFT, STEPS = 2, 300


def blobs(draw: torch.Generator, count: int) -> torch.Tensor:
    """(N, 1, 32, 32, 1): discs with an edge of two voxels."""
    x = torch.arange(32.0)
    centres, radii = 8 + 16 * torch.rand(count, 3, 2, generator=draw), 3 + 3 * torch.rand(count, 3, generator=draw)
    squares = (x[None, None, :] - centres[..., :1]) ** 2, (x[None, None, :] - centres[..., 1:]) ** 2
    distance = (squares[0][..., :, None] + squares[1][..., None, :]).sqrt() - radii[..., None, None]
    return torch.tanh(-distance.amin(dim=1))[:, None, ..., None]


def shifted_batches(count: int) -> list[tuple[Batch, torch.Tensor, torch.Tensor]]:
    """Batches whose targets lie 2 voxels to either side along X, with the aligned targets and each one's side."""
    draw = torch.Generator().manual_seed(2)
    made = []
    for _ in range(count):
        source = blobs(draw, 4)
        sides = 2 * torch.randint(2, (4,), generator=draw) - 1
        aligned = -0.7 * source
        moved = torch.stack([image.roll(SHIFT * int(s), dims=1) for image, s in zip(aligned, sides, strict=True)])
        made.append((Batch(source, moved), aligned, sides))
    return made


@pytest.fixture(scope="module")
def trained():
    """pix2pix and reggan after the same steps on shifted pairs."""
    return {kind: _trained(kind) for kind in ("pix2pix", "reggan")}


def _trained(kind):
    sides = {"data": {"phantom": {}}, "source": {"modality": "MR"}, "target": {"modality": "CT"}}
    weights = {"adversarial": 0.0, "l1": 20.0} | ({"registration_from": 0.4} if kind == "reggan" else {})
    torch.manual_seed(0)
    recipe = recipe_from({"name": "tiny", **sides, **TABLES, "objective": {"kind": kind, **weights}}, "test")
    objective = build_objective(recipe, Fabric(accelerator="cpu", devices=1))
    for number, (batch, _, _) in enumerate(shifted_batches(STEPS)):
        objective.set_rate(1.0 - number / STEPS)
        objective.step(batch, number / STEPS)
    objective.generator.eval()
    return objective


def test_pairs_that_lie_two_voxels_off_are_learnt_where_the_source_is(trained):
    batch, aligned, _ = shifted_batches(STEPS + 1)[-1]
    with torch.no_grad():
        errors = {
            kind: (objective.generator(batch.source) - aligned).abs().mean().item()
            for kind, objective in trained.items()
        }
    assert errors["reggan"] < 0.75 * errors["pix2pix"]


def test_the_field_points_from_the_target_to_the_translation(trained):
    batch, aligned, sides = shifted_batches(STEPS + 1)[-1]
    with torch.no_grad():
        field = trained["reggan"].registration(batch.target, aligned)
    for of_image, inside, side in zip(field, batch.target < 0.2, sides, strict=True):
        x, y = (axis[inside[0]].mean().item() for axis in of_image)
        # The target shows at p what the translation shows at p - shift.
        assert 0.4 * SHIFT < -x * int(side) < 1.4 * SHIFT
        assert abs(y) < 0.8


def test_the_registration_rests_until_its_time(tiny, fabric, batches):
    objective = build_objective(tiny(objective={"kind": "reggan", "registration_from": 0.5}), fabric)
    before, after = batches(objective.recipe, 2)
    assert "smooth" not in objective.step(before, 0.49)
    assert objective.state_dict()["registration"]["moments"] == {}
    assert "smooth" in objective.step(after, 0.5)
    assert objective.state_dict()["registration"]["moments"]


@pytest.mark.parametrize("context", [1, 3])
def test_the_moved_translation_is_what_is_compared(tiny, fabric, batches, context: int):
    """Of a stack, the middle slice, in its plane."""
    geometry = {"patch": [16, 16], "context": context}
    objective = build_objective(tiny(objective={"kind": "reggan"}, geometry=geometry), fabric)
    objective.set_rate(0.0)
    torch.nn.init.constant_(objective.registration.network.network.head.bias, 0.2)
    batch = batches(objective.recipe, 1)[0]
    terms = objective.step(batch, 0.5)
    objective.registration.network.eval()
    synthetic = objective.generator(batch.source)
    target = batch.target[..., context // 2, None]
    field = objective.registration(target, synthetic)
    assert field.shape[1] == 2
    moved = warp(synthetic, field)
    assert terms["l1"] == pytest.approx((moved - target).abs().mean().item(), rel=1e-4)
    assert terms["l1"] != pytest.approx((synthetic - target).abs().mean().item(), rel=1e-4)


def test_displacements_cost_more_the_longer_they_are(tiny, fabric, batches):
    objective = build_objective(tiny(objective={"kind": "reggan"}), fabric)
    objective.set_rate(0.0)
    batch = batches(objective.recipe, 1)[0]
    assert objective.step(batch, 0.5)["still"] == 0.0
    torch.nn.init.constant_(objective.registration.network.network.head.bias, 0.2)
    near = objective.step(batch, 0.5)["still"]
    torch.nn.init.constant_(objective.registration.network.network.head.bias, 0.4)
    assert 0.0 < 2.0 * near < objective.step(batch, 0.5)["still"]


def test_unpaired_data_are_refused(tiny, fabric):
    with pytest.raises(RecipeError, match=r"reggan compares .* data\.paired is false"):
        build_objective(tiny(objective={"kind": "reggan"}, data={"paired": False}), fabric)
