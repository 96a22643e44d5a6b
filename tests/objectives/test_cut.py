from __future__ import annotations

import math

import pytest
import torch

from modality_translate.errors import RecipeError
from modality_translate.objectives import Batch, build_objective


@pytest.fixture
def cut(tiny, fabric):
    def build(changes=None, **tables):
        torch.manual_seed(0)
        return build_objective(tiny(objective={"kind": "cut", **(changes or {})}, **tables), fabric)

    return build


def test_places_come_to_be_known_again(cut, batches):
    objective = cut()
    terms = [objective.step(batch, 0.5) for batch in batches(objective.recipe, 60)]
    # The finest map of 16 x 16 has 256 places, the next 64.
    blind = (math.log(256) + math.log(64)) / 2
    first, last = (sum(term["nce"] for term in part) / 5 for part in (terms[:5], terms[-5:]))
    assert last < 0.8 * min(first, blind)


def test_source_and_target_may_come_from_different_subjects(cut, batches):
    objective = cut(data={"paired": False})
    first, second = batches(objective.recipe, 2)
    assert objective.step(Batch(first.source, second.target), 0.0)["generator"] > 0


def test_identity_can_be_left_out(cut, batches):
    objective = cut({"identity": 0.0})
    assert "identity" not in objective.step(batches(objective.recipe, 1)[0], 0.0)


@pytest.mark.parametrize(
    "generator", [{"kind": "unet"}, {"kind": "resnet", "norm": "instance", "blocks": 3}], ids=["unet", "resnet"]
)
def test_every_own_generator_can_be_trained(generator, cut, batches):
    objective = cut(generator={"width": 4, "levels": 2, **generator})
    assert math.isfinite(objective.step(batches(objective.recipe, 1)[0], 0.5)["nce"])


def test_batch_statistics_are_those_of_the_generator_s_own_input(cut):
    objective, twin = cut(), cut().generator.train()
    batch = Batch(torch.rand(4, 1, 16, 16, 1), 5.0 + torch.rand(4, 1, 16, 16, 1))
    objective.step(batch, 0.0)
    twin(batch.source)
    for name, buffer in objective.generator.named_buffers():
        if "running" in name:
            torch.testing.assert_close(buffer, dict(twin.named_buffers())[name])


def test_places_are_drawn_anew_and_again_after_a_resume(cut):
    objective, resumed = cut(), cut()
    maps = [torch.zeros(1, 2, 20, 20), torch.zeros(1, 2, 4, 4)]
    first = objective.places.draw(maps)
    resumed.load_state_dict(objective.state_dict())
    second, again = objective.places.draw(maps), resumed.places.draw(maps)
    assert [places.numel() for places in first] == [256, 16]
    assert not torch.equal(first[0], second[0])
    assert all(torch.equal(a, b) for a, b in zip(second, again, strict=True))


@pytest.mark.parametrize("weight", ["nce", "adversarial"])
def test_a_term_it_cannot_do_without_is_demanded(weight, cut):
    with pytest.raises(RecipeError, match=f"cut needs a weight above 0 for {weight}, or nothing"):
        cut({weight: 0.0})


def test_a_stack_of_slices_is_refused_because_it_cannot_be_fed_back(cut):
    with pytest.raises(RecipeError, match=r"a stack of 3 slices gives only one\. Set context = 1, or dims = 3"):
        cut(geometry={"patch": [16, 16], "context": 3})


def test_a_generator_that_hides_its_encoder_is_refused(cut):
    with pytest.raises(RecipeError, match=r"UNet does not show the maps .* Choose residual_unet, unet or resnet"):
        cut(generator={"kind": "monai_unet"})


def test_a_translation_learns_to_show_air_outside_the_body(cut, batches):
    objective = cut({"body": 20.0, "identity": 0.0, "adversarial": 0.01, "nce": 0.01})
    body = torch.zeros(4, 1, 16, 16, 1)
    body[:, :, :6] = 1.0
    clutter = [objective.step(batch._replace(body=body), 0.5)["body"] for batch in batches(objective.recipe, 80)]
    assert sum(clutter[-5:]) < 0.5 * sum(clutter[:5])
