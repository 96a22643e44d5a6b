from __future__ import annotations

import pytest
import torch

from modality_translate.errors import RecipeError
from modality_translate.objectives import Batch, build_objective


@pytest.fixture
def hybrid(tiny, fabric):
    def build(**changes):
        torch.manual_seed(0)
        return build_objective(tiny(objective={"kind": "hybrid", **changes}), fabric)

    return build


def test_it_starts_as_regression_and_ends_with_a_critic(hybrid, batches):
    objective = hybrid()
    early, late = batches(objective.recipe, 2)
    assert objective.step(early, 0.69).keys() == {"generator", "l1", "ssim"}
    assert objective.step(late, 0.7).keys() >= {"l1", "ssim", "adversarial", "discriminator"}


@pytest.mark.parametrize(("progress", "share"), [(0.5, 0.0), (0.55, 0.25), (0.6, 0.5), (0.7, 1.0), (1.0, 1.0)])
def test_the_adversarial_weight_rises_without_a_jump(hybrid, batches, progress, share):
    objective = hybrid(adversarial=2.0, adversarial_from=0.5, adversarial_ramp=0.2)
    terms = objective.step(batches(objective.recipe, 1)[0], progress)
    expected = 100.0 * terms["l1"] + 5.0 * terms["ssim"] + share * 2.0 * terms["adversarial"]
    assert terms["generator"] == pytest.approx(expected, rel=1e-5)


def test_the_critic_s_gradient_is_looked_at_every_sixteenth_step_a_resume_included(hybrid, batches):
    objective, resumed = hybrid(adversarial_from=0.0), hybrid(adversarial_from=0.0)
    looked = []
    for number, batch in enumerate(batches(objective.recipe, 20)):
        if number == 10:
            resumed.load_state_dict(objective.state_dict())
            objective = resumed
        looked.append("discriminator_r1" in objective.step(batch, 0.5))
    assert [number for number, was in enumerate(looked) if was] == [0, 16]


def test_r1_keeps_the_critic_flat(hybrid, batches):
    steep, flat = (_steepness_after(hybrid(adversarial_from=0.0, r1=r1), batches) for r1 in (1e-6, 10.0))
    assert flat < 0.5 * steep


def _steepness_after(objective, batches):
    objective.translator.set_rate(0.0)
    return [objective.step(batch, 0.5) for batch in batches(objective.recipe, 49)][-1]["discriminator_r1"]


def test_bone_and_air_of_the_body_count_more(hybrid, batches):
    objective = hybrid(tissue=3.0, outside=0.0, adversarial=0.0)
    objective.set_rate(0.0)
    window = objective.recipe.target.channel().scaling
    # One quarter each: bone, soft tissue, air, and air outside the body.
    hounsfield = torch.tensor([800.0, 40.0, -900.0, -1000.0]).repeat_interleave(4).view(1, 1, 16, 1, 1)
    target = torch.from_numpy(window.forward(hounsfield.numpy())).expand(4, 1, 16, 16, 1)
    body = torch.ones_like(target)
    body[:, :, 12:] = 0.0
    source = batches(objective.recipe, 1)[0].source
    error = objective.step(Batch(source, target, body), 0.0)["l1"]
    difference = (objective.generator(source) - target).abs()
    bone, soft, air = (difference[:, :, start : start + 4].mean().item() for start in (0, 4, 8))
    assert error == pytest.approx((3 * bone + soft + 3 * air) / 7, rel=1e-4)


def test_tissues_of_a_target_without_hu_are_refused(tiny, fabric):
    with pytest.raises(RecipeError, match=r"objective\.tissue: tissues are told apart by HU, which a target of MR"):
        build_objective(tiny(objective={"kind": "hybrid", "tissue": 2.0}, target={"modality": "MR"}), fabric)


def test_unpaired_data_are_refused_by_its_own_name(tiny, fabric):
    with pytest.raises(RecipeError, match="hybrid compares with the target voxel by voxel"):
        build_objective(tiny(objective={"kind": "hybrid"}, data={"paired": False}), fabric)
