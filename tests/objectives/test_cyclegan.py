from __future__ import annotations

import pytest
import torch

from modality_translate.errors import RecipeError
from modality_translate.objectives import Batch, build_objective


@pytest.fixture
def cyclegan(tiny, fabric):
    def build(changes=None, **tables):
        torch.manual_seed(0)
        return build_objective(tiny(objective={"kind": "cyclegan", **(changes or {})}, **tables), fabric)

    return build


def test_the_way_there_and_back_is_learnt(cyclegan, batches):
    objective = cyclegan()
    errors = [objective.step(batch, 0.5)["cycle"] for batch in batches(objective.recipe, 60)]
    assert sum(errors[-5:]) < 0.5 * sum(errors[:5])


def test_source_and_target_may_come_from_different_subjects(cyclegan, batches):
    objective = cyclegan()
    first, second = batches(objective.recipe, 2)
    assert objective.step(Batch(first.source, second.target), 0.0)["generator"] > 0


def test_there_is_a_generator_for_each_direction(cyclegan):
    objective = cyclegan()
    assert objective.generators.keys() == {"forward", "backward"}
    assert objective.generators["forward"] is objective.generator
    assert objective.generators["backward"] is not objective.generator


@pytest.mark.parametrize("weight", ["identity", "cycle"])
def test_a_term_with_weight_zero_is_not_computed(weight, cyclegan, batches):
    objective = cyclegan({weight: 0.0})
    assert weight not in objective.step(batches(objective.recipe, 1)[0], 0.0)


def test_batch_statistics_are_those_of_the_generator_s_own_input(cyclegan):
    """The identity and cycle terms show a generator other images, which must not shift what it uses at inference."""
    generator = {"norm": "batch", "width": 4, "levels": 2, "blocks": 1}
    objective = cyclegan(generator=generator)
    twin = cyclegan(generator=generator).generator.train()
    batch = Batch(torch.rand(4, 1, 16, 16, 1), 5.0 + torch.rand(4, 1, 16, 16, 1))
    objective.step(batch, 0.0)
    twin(batch.source)
    for name, buffer in objective.generator.named_buffers():
        if "running" in name:
            torch.testing.assert_close(buffer, dict(twin.named_buffers())[name])


def test_a_stack_of_slices_is_refused_because_it_cannot_be_fed_back(cyclegan):
    with pytest.raises(RecipeError, match=r"a stack of 3 slices gives only one\. Set context = 1, or dims = 3"):
        cyclegan(geometry={"patch": [16, 16], "context": 3})


def test_no_adversarial_term_is_refused(cyclegan):
    with pytest.raises(RecipeError, match="needs a weight above 0 for adversarial"):
        cyclegan({"adversarial": 0.0})


def test_a_translation_learns_to_show_air_outside_the_body(cyclegan, batches):
    objective = cyclegan({"body": 20.0, "cycle": 0.0, "identity": 0.0, "adversarial": 0.01})
    body = torch.zeros(4, 1, 16, 16, 1)
    body[:, :, :6] = 1.0
    steps = [batch._replace(body=body, target_body=body.flip(2)) for batch in batches(objective.recipe, 80)]
    clutter = [objective.step(batch, 0.5)["body"] for batch in steps]
    assert sum(clutter[-5:]) < 0.5 * sum(clutter[:5])


def test_each_direction_answers_for_the_body_it_was_given(cyclegan, batches):
    objective = cyclegan({"body": 1.0})
    batch = batches(objective.recipe, 1)[0]
    everywhere, nowhere = torch.ones_like(batch.source), torch.zeros_like(batch.source)
    objective.set_rate(0.0)
    both = objective.step(batch._replace(body=nowhere, target_body=nowhere), 0.5)["body"]
    forward = objective.step(batch._replace(body=nowhere, target_body=everywhere), 0.5)["body"]
    backward = objective.step(batch._replace(body=everywhere, target_body=nowhere), 0.5)["body"]
    assert forward > 0
    assert backward > 0
    assert both == pytest.approx(forward + backward, rel=0.05)
