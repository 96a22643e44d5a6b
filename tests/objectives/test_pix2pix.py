from __future__ import annotations

import pytest
import torch

from modality_translate.errors import RecipeError
from modality_translate.objectives import build_objective


def test_an_inverted_contrast_is_learnt(tiny, fabric, batches):
    recipe = tiny(objective={"adversarial": 0.1, "l1": 10.0, "ssim": 1.0})
    objective = build_objective(recipe, fabric)
    errors = [objective.step(batch, 0.5)["l1"] for batch in batches(recipe, 60)]
    assert sum(errors[-5:]) < 0.3 * sum(errors[:5])


def test_a_stack_of_slices_is_compared_with_its_middle_slice(tiny, fabric, batches):
    recipe = tiny(geometry={"patch": [16, 16], "context": 3}, objective={"adversarial": 0.0})
    objective = build_objective(recipe, fabric)
    batch = batches(recipe, 1)[0]
    objective.set_rate(0.0)
    error = objective.step(batch, 0.0)["l1"]
    middle = objective.generator(batch.source) - batch.target[..., 1:2]
    assert error == pytest.approx(middle.abs().mean().item(), rel=1e-4)


def test_without_an_adversarial_weight_there_is_no_discriminator(tiny, fabric, batches):
    recipe = tiny(objective={"adversarial": 0.0})
    objective = build_objective(recipe, fabric)
    assert objective.step(batches(recipe, 1)[0], 1.0).keys() == {"generator", "l1"}
    assert not any("discriminator" in name for name in objective.state_dict())


def test_the_discriminator_rests_until_its_time(tiny, fabric, batches):
    recipe = tiny(objective={"adversarial_from": 0.5})
    objective = build_objective(recipe, fabric)
    fresh = objective.state_dict()["discriminator"]["network"]
    early, late = batches(recipe, 2)
    assert objective.step(early, 0.49).keys() == {"generator", "l1"}
    rested = objective.state_dict()["discriminator"]["network"]
    assert all(torch.equal(fresh[name], rested[name]) for name in fresh)
    assert objective.step(late, 0.5).keys() > {"adversarial", "discriminator"}


def test_a_state_saved_before_the_discriminator_s_time_can_be_resumed(tiny, fabric, batches):
    recipe = tiny(objective={"adversarial_from": 0.5})
    objective, resumed = (build_objective(recipe, fabric) for _ in range(2))
    early, late = batches(recipe, 2)
    objective.step(early, 0.0)
    resumed.load_state_dict(objective.state_dict())
    assert resumed.step(late, 0.5) == objective.step(late, 0.5)


def test_the_discriminator_learns_to_tell(tiny, fabric, batches):
    recipe = tiny(optimiser={"lr": 1e-6, "discriminator_lr": 1e-2})
    objective = build_objective(recipe, fabric)
    accuracies = [objective.step(batch, 0.5)["discriminator_accuracy"] for batch in batches(recipe, 30)]
    assert sum(accuracies[-5:]) / 5 > 0.9


def test_nothing_to_compare_with_is_refused(tiny, fabric):
    with pytest.raises(RecipeError, match="above 0 for one of l1, ssim and gradient"):
        build_objective(tiny(objective={"l1": 0.0}), fabric)


def test_unpaired_data_are_refused(tiny, fabric):
    with pytest.raises(RecipeError, match=r"data\.paired is false\. Choose objective\.kind = .cyclegan"):
        build_objective(tiny(data={"paired": False}), fabric)


def test_outside_the_body_an_error_counts_less(tiny, fabric, batches):
    recipe = tiny(objective={"adversarial": 0.0, "outside": 0.1})
    objective = build_objective(recipe, fabric)
    objective.set_rate(0.0)
    batch = batches(recipe, 1)[0]
    body = torch.zeros_like(batch.target)
    body[:, :, :8] = 1.0
    error = objective.step(batch._replace(body=body), 0.0)["l1"]
    difference = (objective.generator(batch.source) - batch.target).abs()
    inside, outside = difference[:, :, :8].mean().item(), difference[:, :, 8:].mean().item()
    assert error == pytest.approx((inside + 0.1 * outside) / 1.1, rel=1e-4)
