from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from modality_translate.data.store import build_store
from modality_translate.recipe import Recipe
from modality_translate.training.batches import BatchMaker
from modality_translate.training.session import Job


def maker(job: Job, cache: Path) -> BatchMaker:
    store = build_store(job.split.train, job.recipe.spec(), job.recipe.spec(backward=True), cache)
    return BatchMaker(store, job.recipe, job.fabric)


def test_a_batch_is_a_function_of_the_seed_and_its_step(
    recipe_of: Callable[..., Recipe], job_of: Callable[..., Job], tmp_path: Path
):
    job = job_of(recipe_of())
    one, other = maker(job, tmp_path / "a"), maker(job, tmp_path / "b")
    one.make(3)
    first, again, next_one = one.make(8), other.make(8), one.make(9)
    assert torch.equal(first.batch.source, again.batch.source)
    assert first.names == again.names
    assert not torch.equal(first.batch.source, next_one.batch.source)


def test_a_pair_stays_a_pair_when_it_is_turned(
    recipe_of: Callable[..., Recipe], job_of: Callable[..., Job], tmp_path: Path
):
    calm: dict[str, Any] = {"rotate": 20.0, "scale": 0.2, "mr_gamma": 0.0, "mr_bias": 0.0, "noise": 0.0}
    batch = maker(job_of(recipe_of(augmentation=calm)), tmp_path).make(0).batch
    source, target = (side > side.mean() for side in (batch.source, batch.target))
    assert (source == target).float().mean() > 0.97
    assert -1 <= batch.body.min() <= batch.body.max() <= 1
    assert batch.target_body is None


def test_the_bodies_of_unpaired_sides_are_moved_with_them(
    recipe_of: Callable[..., Recipe], job_of: Callable[..., Job], tmp_path: Path
):
    calm = {"rotate": 20.0, "scale": 0.2, "moved": 1.0, "mr_gamma": 0.0, "mr_bias": 0.0, "noise": 0.0}
    batch = maker(job_of(recipe_of("cyclegan", augmentation=calm)), tmp_path).make(0).batch
    for side, body in ((batch.source, batch.body), (batch.target, batch.target_body)):
        bright = side > side.mean()
        agreement = [(bright == (b > 0.5))[b > -0.5].float().mean() for b in (body, body.flip(2), body.transpose(2, 3))]
        assert agreement[0] == max(agreement)
        assert agreement[0] > 0.8


def test_targets_are_never_recoloured(recipe_of: Callable[..., Recipe], job_of: Callable[..., Job], tmp_path: Path):
    noisy = {"rotate": 0.0, "flip": "", "noise": 0.5}
    batch = maker(job_of(recipe_of(augmentation=noisy)), tmp_path).make(0).batch
    assert len(batch.target.unique()) == 2
    assert len(batch.source.unique()) > 100
