from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modality_translate.data import patches
from modality_translate.data.patches import BEYOND, Sampler
from modality_translate.data.split import split
from modality_translate.data.store import FULL, build_store
from modality_translate.data.subjects import find_cases
from modality_translate.recipe import Recipe


def sampler(recipe: Recipe, pairs: Path, mine: list[int] | None = None) -> Sampler:
    train = split(find_cases(recipe.data, pairs).cases, recipe).train
    store = build_store(train, recipe.spec(), recipe.spec(backward=True), pairs / "cache")
    return Sampler(store, recipe.spec(), recipe.training.batch, recipe.seed, mine)


def test_a_batch_is_a_function_of_its_step(pairs: Path, recipe: Recipe):
    one, other = sampler(recipe, pairs), sampler(recipe, pairs)
    one.batch(one.generator(6))
    first, again = one.batch(one.generator(7)), other.batch(other.generator(7))
    assert np.array_equal(first.source, again.source)
    assert first.names == again.names
    assert not np.array_equal(first.source, one.batch(one.generator(8)).source)


def test_patches_have_the_tilings_shape_and_range(pairs: Path, recipe: Recipe):
    one = sampler(recipe, pairs)
    batch = one.batch(one.generator(0))
    assert batch.source.shape == batch.target.shape == (4, 1, 16, 16, 3)
    assert batch.source.dtype == np.float32
    assert -1 <= batch.source.min() < batch.source.max() <= 1


def test_paired_patches_show_one_place(pairs: Path, recipe: Recipe):
    one = sampler(recipe, pairs)
    for step in range(5):
        batch = one.batch(one.generator(step))
        assert np.array_equal(batch.source > -0.5, batch.target > -0.9), "the head is not at the same place"
        assert (batch.body[batch.target > -0.9] == 1).all()


def test_unpaired_patches_come_from_different_cases(pairs: Path, recipe_with):
    one = sampler(recipe_with(data={"paired": False}), pairs)
    batch = one.batch(one.generator(0))
    for name in batch.names:
        source, target = name.split(" and ")
        assert source != target


def test_unpaired_patches_know_the_body_of_each_side(pairs: Path, recipe_with):
    one = sampler(recipe_with(data={"paired": False}), pairs)
    batch = one.batch(one.generator(0))
    assert batch.target_body is not None
    # The heads' outline, but for the closing of MR masks.
    assert ((batch.source > -0.5) == (batch.body == 1)).mean() > 0.9
    assert ((batch.target > -0.9) == (batch.target_body == 1)).mean() > 0.9
    assert not np.array_equal(batch.body, batch.target_body)


def test_most_patches_are_centred_in_the_body(pairs: Path, recipe_with):
    one = sampler(recipe_with(geometry={"patch": [4, 4], "context": 1}, training={"batch": 60}), pairs)
    centres = one.batch(one.generator(0)).target[:, 0, 2, 2, 0]
    assert (centres > -0.9).mean() > 0.65


def test_the_volumes_last_slices_are_seen_more_often_than_their_share(
    pairs: Path, recipe_with, monkeypatch: pytest.MonkeyPatch
):
    """Nothing but air lies there, beside padding: a network that hardly saw it draws tissue."""
    monkeypatch.setattr(patches, "INSIDE", 0.0)
    one = sampler(recipe_with(training={"batch": 2000}), pairs)
    batch = one.batch(one.generator(0))
    assert batch.body is not None
    beyond = (batch.body == BEYOND).all(axis=(1, 2, 3))
    padded = beyond[:, 0] | beyond[:, -1]
    slices = one.sources[0].source().shape[2]
    assert padded.mean() > 1.3 * 2 / slices


def test_a_volume_smaller_than_the_patch_is_padded_with_air(pairs: Path, recipe_with):
    one = sampler(recipe_with(geometry={"patch": [32, 32], "context": 9}), pairs)
    batch = one.batch(one.generator(0))
    assert batch.target.shape == (4, 1, 32, 32, 9)
    assert batch.target[..., 0, 0, :].max() == pytest.approx(one.backgrounds[1] / FULL)
    assert batch.target.max() > -0.6


@pytest.mark.parametrize("paired", [True, False])
def test_processes_cut_disjoint_parts_of_one_batch(pairs: Path, recipe_with, paired: bool):
    recipe = recipe_with(data={"paired": paired})
    whole, *parts = (sampler(recipe, pairs, mine) for mine in (None, [0, 2], [1, 3]))
    batch = whole.batch(whole.generator(5))
    for one, mine in zip(parts, ([0, 2], [1, 3]), strict=True):
        part = one.batch(one.generator(5))
        assert np.array_equal(part.source, batch.source[mine])
        assert np.array_equal(part.target, batch.target[mine])
        assert part.names == batch.names, "a failure names every case of the batch"
