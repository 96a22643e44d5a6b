"""What holds for every objective."""

from __future__ import annotations

import pytest
import torch

from modality_translate.errors import RecipeError, RunError
from modality_translate.objectives import OBJECTIVES, build_objective

EVERY = pytest.mark.parametrize("kind", sorted(OBJECTIVES))
# Batch statistics, dropout-free: everything that could differ between two runs is in the state.
EVERYTHING_ON = {
    "pix2pix": {"kind": "pix2pix", "ssim": 1.0, "gradient": 1.0},
    "hybrid": {"kind": "hybrid", "gradient": 1.0, "tissue": 2.0, "adversarial_from": 0.1, "adversarial_ramp": 0.2},
    "reggan": {"kind": "reggan", "gradient": 1.0, "r1": 1.0},
    "cyclegan": {"kind": "cyclegan", "gradient": 1.0, "pool": 6, "r1": 1.0},
    "cut": {"kind": "cut", "gradient": 1.0},
}


def built(kind, tiny, fabric, **changes):
    torch.manual_seed(5)
    return build_objective(tiny(objective=EVERYTHING_ON[kind], **changes), fabric)


def flat(state, prefix=""):
    """(path, leaf) of every leaf of nested dicts and lists."""
    if isinstance(state, dict):
        assert all(isinstance(key, str) for key in state)
    if isinstance(state, (dict, list)):
        items = state.items() if isinstance(state, dict) else enumerate(state)
        return [leaf for key, value in items for leaf in flat(value, f"{prefix}/{key}")]
    return [(prefix, state)]


def assert_same(first, second):
    for (path, a), (_, b) in zip(flat(first), flat(second), strict=True):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b, path


@EVERY
def test_the_same_seed_and_batches_give_the_same_weights(kind, tiny, fabric, batches):
    first, second = built(kind, tiny, fabric), built(kind, tiny, fabric)
    for batch in batches(first.recipe, 3):
        assert first.step(batch, 0.5) == second.step(batch, 0.5)
    assert_same(first.state_dict(), second.state_dict())


@EVERY
def test_a_resumed_run_is_bit_identical_to_an_uninterrupted_one(kind, tiny, fabric, batches):
    whole = built(kind, tiny, fabric)
    steps = batches(whole.recipe, 6)
    whole.set_rate(0.7)
    for batch in steps[:3]:
        whole.step(batch, 0.5)
    saved = whole.state_dict()
    for batch in steps[3:]:
        whole.step(batch, 0.5)

    torch.manual_seed(99)
    resumed = build_objective(whole.recipe, fabric)
    resumed.load_state_dict(saved)
    for batch in steps[3:]:
        resumed.step(batch, 0.5)
    assert_same(whole.state_dict(), resumed.state_dict())


@EVERY
def test_a_batch_in_parts_teaches_what_the_whole_does(kind, tiny, fabric, batches):
    # Batch statistics differ between parts, CUT draws its places for each, and reggan's running mean moves with each.
    norms = {"generator": {"norm": "instance"}, "discriminator": {"norm": "none"}}
    whole, parts = (built(kind, tiny, fabric, training={"accumulate": k}, **norms) for k in (1, 2))
    before = [weight.detach().clone() for weight in whole.generator.parameters()]
    for batch in batches(whole.recipe, 3):
        losses, others = whole.step(batch, 0.5), parts.step(batch, 0.5)
        assert losses.pop("still", 1.0) == pytest.approx(others.pop("still", 1.0), rel=0.1)
        assert others == pytest.approx(losses, rel=1e-2 if kind in ("cut", "reggan") else 1e-4, abs=1e-5)
    moved = max((a - b).abs().max() for a, b in zip(before, whole.generator.parameters(), strict=True))
    pairs = zip(whole.generator.parameters(), parts.generator.parameters(), strict=True)
    apart = sum((a - b).abs().sum() for a, b in pairs) / sum(weight.numel() for weight in before)
    assert apart < (0.3 if kind == "cut" else 0.01) * moved


@EVERY
def test_a_batch_that_is_not_finite_teaches_nothing(kind, tiny, fabric, batches):
    objective = built(kind, tiny, fabric, generator={"norm": "none"}, training={"accumulate": 2})
    good, bad = batches(objective.recipe, 2)
    bad.source[0] = float("nan")
    before = objective.generator.state_dict()
    before = {name: weight.clone() for name, weight in before.items()}
    assert any(value != value for value in objective.step(bad, 0.5).values())
    assert_same(before, objective.generator.state_dict())
    assert all(value == value for value in objective.step(good, 0.5).values())


@EVERY
def test_sixteen_bit_training_updates_its_scale_once_per_step(kind, tiny, batches):
    from lightning_fabric import Fabric
    from lightning_fabric.plugins import MixedPrecision

    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    half = Fabric(accelerator="cpu", devices=1, plugins=MixedPrecision("16-mixed", "cpu", scaler))
    objective = built(kind, tiny, half, optimiser={"clip": 1.0})
    scales = []
    for batch in batches(objective.recipe, 4):
        assert objective.step(batch, 0.5)["generator"] > 0
        scales.append(scaler.get_scale())
    assert scales == [8.0, 16.0, 16.0, 32.0]


@EVERY
def test_a_state_needs_no_pickle(kind, tiny, fabric, batches):
    objective = built(kind, tiny, fabric)
    for batch in batches(objective.recipe, 2):
        objective.step(batch, 0.5)
    for path, leaf in flat(objective.state_dict()):
        assert leaf is None or isinstance(leaf, (torch.Tensor, int, float, str, bool)), path
        assert not isinstance(leaf, torch.Tensor) or leaf.is_contiguous(), path


@EVERY
def test_a_state_is_a_copy(kind, tiny, fabric, batches):
    objective = built(kind, tiny, fabric)
    first, second = batches(objective.recipe, 2)
    objective.step(first, 0.5)
    saved = objective.state_dict()
    before = [leaf.clone() for _, leaf in flat(saved) if isinstance(leaf, torch.Tensor)]
    objective.step(second, 0.5)
    after = [leaf for _, leaf in flat(saved) if isinstance(leaf, torch.Tensor)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@EVERY
def test_a_state_before_the_first_step_can_be_loaded(kind, tiny, fabric):
    objective = built(kind, tiny, fabric)
    before = [leaf for _, leaf in flat(objective.state_dict()) if isinstance(leaf, torch.Tensor)]
    objective.load_state_dict(objective.state_dict())
    after = [leaf for _, leaf in flat(objective.state_dict()) if isinstance(leaf, torch.Tensor)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@EVERY
def test_the_state_of_other_networks_is_refused(kind, tiny, fabric):
    state = built(kind, tiny, fabric, generator={"width": 6}).state_dict()
    with pytest.raises(RunError, match=r"saved networks are not those of the recipe .* Resume with the recipe"):
        built(kind, tiny, fabric).load_state_dict(state)


@EVERY
def test_rate_zero_learns_nothing(kind, tiny, fabric, batches):
    objective = built(kind, tiny, fabric)
    before = {name: weight.detach().clone() for name, weight in objective.generator.named_parameters()}
    objective.set_rate(0.0)
    objective.step(batches(objective.recipe, 1)[0], 0.5)
    assert all(torch.equal(before[name], weight) for name, weight in objective.generator.named_parameters())


@EVERY
def test_every_term_is_reported_by_name(kind, tiny, fabric, batches):
    objective = built(kind, tiny, fabric)
    terms = objective.step(batches(objective.recipe, 1)[0], 0.5)
    assert terms.keys() >= {"generator", "adversarial", "gradient", "discriminator", "discriminator_accuracy"}
    weighted = sum(getattr(objective.recipe.objective, name, 0.0) * value for name, value in terms.items())
    assert terms["generator"] == pytest.approx(weighted, rel=1e-5)
    assert 0.0 <= terms["discriminator_accuracy"] <= 1.0


@EVERY
def test_a_discriminator_of_spectral_norm_resumes_bit_for_bit_too(kind, tiny, fabric, batches):
    first, second = (built(kind, tiny, fabric, discriminator={"norm": "spectral"}) for _ in range(2))
    before, after = batches(first.recipe, 2)
    first.step(before, 0.5)
    second.load_state_dict(first.state_dict())
    assert first.step(after, 0.5) == second.step(after, 0.5)
    assert_same(first.state_dict(), second.state_dict())


@EVERY
def test_a_recipe_written_with_every_setting_is_the_same_recipe(kind, tiny, fabric):
    recipe = tiny(objective={"kind": kind})
    written = recipe.objective.model_dump(mode="json")
    assert written.keys() == type(recipe.objective).model_fields.keys()
    again = tiny(objective=written)
    assert again == recipe
    build_objective(again, fabric)


@EVERY
def test_only_generators_are_kept_for_use(kind, tiny, fabric):
    directions = {"forward", "backward"} if kind == "cyclegan" else {"forward"}
    assert built(kind, tiny, fabric).generators.keys() == directions


@EVERY
def test_a_step_trains_even_after_validation_left_evaluation_mode(kind, tiny, fabric, batches):
    objective = built(kind, tiny, fabric)
    objective.generator.eval()
    objective.step(batches(objective.recipe, 1)[0], 0.5)
    assert objective.generator.training


@EVERY
def test_volumes_can_be_translated_too(kind, tiny, fabric, batches):
    objective = built(kind, tiny, fabric, geometry={"dims": 3, "patch": [16, 8, 12]})
    assert objective.step(batches(objective.recipe, 1, size=2)[0], 0.5)["generator"] > 0


@EVERY
def test_mixed_precision_is_the_fabric_s_choice(kind, tiny, batches):
    from lightning_fabric import Fabric

    objective = built(kind, tiny, Fabric(accelerator="cpu", devices=1, precision="bf16-mixed"))
    assert objective.step(batches(objective.recipe, 1)[0], 0.5)["generator"] > 0
    assert {weight.dtype for weight in objective.generator.parameters()} == {torch.float32}


@EVERY
def test_clipped_gradients_move_less_under_plain_descent(kind, tiny, fabric, batches):
    objective = built(kind, tiny, fabric, optimiser={"clip": 1e-12})
    before = {name: weight.detach().clone() for name, weight in objective.generator.named_parameters()}
    objective.step(batches(objective.recipe, 1)[0], 0.5)
    # Far below Adam's own epsilon of 1e-8 a gradient no longer moves a weight by a full rate.
    moved = max((before[name] - weight).abs().max() for name, weight in objective.generator.named_parameters())
    assert 0 < moved < 0.01 * objective.recipe.optimiser.lr


def test_an_unknown_objective_shows_the_choices(tiny, fabric):
    with pytest.raises(RecipeError, match=r"'ddpm' is unknown\. Choose one of: pix2pix, hybrid, reggan, cyclegan, cut"):
        build_objective(tiny(objective={"kind": "ddpm"}), fabric)


@pytest.mark.parametrize(
    ("kind", "weight"),
    [
        ("pix2pix", "cycle"),
        ("pix2pix", "pool"),
        ("pix2pix", "smooth"),
        ("hybrid", "nce"),
        ("hybrid", "registration_reach"),
        ("reggan", "identity"),
        ("cyclegan", "l1"),
        ("cyclegan", "adversarial_from"),
        ("cyclegan", "nce"),
        ("cut", "l1"),
        ("cut", "cycle"),
        ("cut", "adversarial_ramp"),
    ],
)
def test_a_weight_without_a_term_is_refused(kind, weight, tiny, fabric):
    with pytest.raises(RecipeError, match=rf"objective.{weight}: {kind} has no such term; it has .*adversarial"):
        build_objective(tiny(objective={"kind": kind, weight: 0.25 if weight != "pool" else 3}), fabric)


def test_a_weight_set_to_zero_is_no_mistake(tiny, fabric):
    assert build_objective(tiny(objective={"kind": "cyclegan", "l1": 0.0}), fabric).generators.keys() == {
        "forward",
        "backward",
    }
