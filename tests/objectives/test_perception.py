from __future__ import annotations

import pytest
import torch

from modality_translate.errors import RecipeError
from modality_translate.objectives import Batch, build_objective

PAIRED = pytest.mark.parametrize("kind", ["pix2pix", "hybrid", "reggan"])
ON = {"perceptual": 0.5, "perceptual_from": 0.5}


@pytest.fixture
def built(tiny, fabric):
    def build(kind="pix2pix", **settings):
        torch.manual_seed(5)
        return build_objective(tiny(objective={"kind": kind, **ON, **settings}), fabric)

    return build


def networks(objective):
    return objective.state_dict()["perception"]["network"]


@PAIRED
def test_the_network_learns_until_its_time_and_is_frozen_then(kind, built, batches):
    objective = built(kind)
    first, second, third = batches(objective.recipe, 3)
    fresh = networks(objective)
    early = objective.step(first, 0.49)
    learnt = networks(objective)
    late = [objective.step(batch, 0.5) for batch in (second, third)]
    assert "segmenter" in early
    assert "perceptual" not in early
    assert any(not torch.equal(fresh[name], learnt[name]) for name in fresh)
    assert all(terms["perceptual"] > 0 and "segmenter" not in terms for terms in late)
    assert all(torch.equal(learnt[name], value) for name, value in networks(objective).items())


def test_it_learns_to_segment_noisy_targets(built, batches):
    objective = built()
    errors = [objective.step(batch, 0.0)["segmenter"] for batch in batches(objective.recipe, 80)]
    assert sum(errors[-5:]) < 0.5 * sum(errors[:5])


def test_the_features_tell_a_blurred_translation_from_a_sharp_one(built, batches):
    objective = built()
    for batch in batches(objective.recipe, 80):
        objective.step(batch, 0.0)
    target = batches(objective.recipe, 1)[0].target
    nearby, far = (objective.perception.difference(target + offset, target).item() for offset in (0.01, 0.3))
    assert objective.perception.difference(target, target).item() == 0.0
    assert 0.0 < nearby < 0.2 * far


@PAIRED
@pytest.mark.parametrize("progress", [0.0, 0.5])
def test_a_resumed_run_is_bit_identical_while_it_learns_and_after(kind, progress, built, batches):
    whole = built(kind)
    steps = batches(whole.recipe, 4)
    for batch in steps[:2]:
        whole.step(batch, 0.0)
    saved = whole.state_dict()
    expected = [whole.step(batch, progress) for batch in steps[2:]]
    resumed = built(kind, perceptual=0.5)
    resumed.load_state_dict(saved)
    assert [resumed.step(batch, progress) for batch in steps[2:]] == expected
    assert all(torch.equal(value, networks(resumed)[name]) for name, value in networks(whole).items())


@pytest.mark.parametrize("geometry", [{"dims": 3, "patch": [16, 8, 12]}, {"patch": [16, 16], "context": 3}])
def test_blocks_and_stacks_of_slices_are_compared_too(geometry, tiny, fabric, batches):
    objective = build_objective(tiny(objective=ON, geometry=geometry), fabric)
    before, after = batches(objective.recipe, 2, size=2)
    assert "segmenter" in objective.step(before, 0.0)
    assert objective.step(after, 0.9)["perceptual"] > 0


def test_the_body_decides_the_classes(built, batches):
    objective = built()
    batch = batches(objective.recipe, 1)[0]
    body = (batch.target > 0.2).float()
    objective.step(Batch(batch.source, batch.target, body), 0.0)
    assert networks(objective)["centres"].min() > 0.1


def test_left_out_there_is_no_such_network(tiny, fabric):
    assert "perception" not in build_objective(tiny(), fabric).state_dict()


@pytest.mark.parametrize("kind", ["cyclegan", "cut"])
def test_unpaired_objectives_refuse_it(kind, tiny, fabric):
    with pytest.raises(RecipeError, match=rf"objective.perceptual: {kind} has no such term"):
        build_objective(tiny(objective={"kind": kind, "perceptual": 0.5}, data={"paired": False}), fabric)
