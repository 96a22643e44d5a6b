from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from modality_translate.data.free_form import Mask
from modality_translate.data.registration import Registrar
from modality_translate.data.split import split
from modality_translate.data.store import FULL, Looked, Store, _store_case, background, build_store, quantised
from modality_translate.data.subjects import Case, find_cases
from modality_translate.intensities import body_mask
from modality_translate.pipeline import Channel, Prepared, prepare, prepare_target
from modality_translate.recipe import Recipe
from modality_translate.volumes import read_volume
from modality_translate.volumes.volume import Array


def stored(recipe: Recipe, pairs: Path, told: list[tuple[int, int]] | None = None) -> Store:
    train = split(find_cases(recipe.data, pairs).cases, recipe).train
    watch = None if told is None else lambda done, total: told.append((done, total))
    return build_store(train, recipe.spec(), recipe.spec(backward=True), pairs / "cache", watch)


def test_a_pair_is_kept_as_the_pipeline_prepares_it(pairs: Path, recipe: Recipe):
    entry = stored(recipe, pairs).entries[0]
    spec = recipe.spec()
    prepared = prepare(read_volume(pairs / "mr" / "a.nii.gz"), spec)
    target = prepare_target(read_volume(pairs / "ct" / "a.nii.gz"), prepared, spec)
    step = 1.0 / FULL
    assert np.allclose(entry.source() * step, spec.source.scaling.fixed.forward(prepared.array), atol=step)
    assert np.allclose(entry.target() * step, spec.target.scaling.fixed.forward(target), atol=step)


def test_points_lie_in_the_body(pairs: Path, recipe: Recipe):
    entry = stored(recipe, pairs).entries[0]
    assert (entry.target()[tuple(entry.points().T)] > background(Channel.of("CT"))).mean() > 0.8


def test_a_second_call_opens_what_is_there(pairs: Path, recipe: Recipe):
    first: list[tuple[int, int]] = []
    again: list[tuple[int, int]] = []
    stores = stored(recipe, pairs, first), stored(recipe, pairs, again)
    envelopes = [store.source_envelope for store in stores]
    assert (first, again) == ([(1, 3), (2, 3), (3, 3)], [])
    assert envelopes[0] == envelopes[1]
    levels = [(store.source_level, store.target_level) for store in stores]
    assert levels[0] == levels[1]


def test_the_level_of_air_lies_between_air_and_body(pairs: Path, recipe: Recipe):
    store = stored(recipe, pairs)
    assert store.source_level is not None
    assert store.target_level is not None
    assert 0 < store.source_level < 500
    assert -1000 < store.target_level < 0


def test_a_changed_file_is_prepared_again(pairs: Path, recipe: Recipe):
    stored(recipe, pairs)
    changed = pairs / "mr" / "b.nii.gz"
    changed.write_bytes((pairs / "mr" / "a.nii.gz").read_bytes())
    told: list[tuple[int, int]] = []
    again = stored(recipe, pairs, told)
    assert told == [(2, 3), (3, 3)]
    np.testing.assert_array_equal(again.entries[1].source(), again.entries[0].source())


def test_arrays_half_made_anew_are_not_taken_for_those_of_before(
    pairs: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
):
    whole, file = stored(recipe, pairs), pairs / "mr" / "b.nii.gz"
    kept, stamp, wanted = file.read_bytes(), file.stat().st_mtime_ns, np.array(whole.entries[1].source())
    file.write_bytes((pairs / "mr" / "a.nii.gz").read_bytes())

    def killed_before_the_end(*given: Any) -> dict[str, Looked]:
        _store_case(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr("modality_translate.data.store._store_case", killed_before_the_end)
    with pytest.raises(KeyboardInterrupt):
        stored(recipe, pairs)
    monkeypatch.undo()
    file.write_bytes(kept)
    os.utime(file, ns=(stamp, stamp))
    np.testing.assert_array_equal(stored(recipe, pairs).entries[1].source(), wanted)


def test_a_preparation_that_was_killed_goes_on_with_the_case_it_was_at(
    pairs: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
):
    whole = stored(recipe, pairs)
    kept = {file.name: file.read_bytes() for file in (pairs / "cache").iterdir()}
    shutil.rmtree(pairs / "cache")
    asked: list[str] = []

    def killed_at_b(case: Case, *rest: Any) -> dict[str, Looked]:
        asked.append(case.name)
        if asked == ["a", "b"]:
            raise KeyboardInterrupt
        return _store_case(case, *rest)

    monkeypatch.setattr("modality_translate.data.store._store_case", killed_at_b)
    with pytest.raises(KeyboardInterrupt):
        stored(recipe, pairs)
    (pairs / "cache" / "00001.json").write_text('{"key": "half a li')
    assert stored(recipe, pairs) == whole
    assert asked == ["a", "b", "b", "c"]
    assert {file.name: file.read_bytes() for file in (pairs / "cache").iterdir()} == kept


class Shifted(Registrar):
    """Moves every source by one voxel instead of registering it."""

    def __call__(self, name: str, source: Prepared, target: Array, body: Mask) -> Prepared:
        assert target[body].mean() > target[~body].mean()
        self.say(name)
        return replace(source, raw=np.roll(source.raw, 1, axis=0))


def test_registered_sources_are_kept_moved_and_targets_as_they_are(pairs: Path, recipe: Recipe):
    train = split(find_cases(recipe.data, pairs).cases, recipe).train
    told: list[str] = []
    specs = recipe.spec(), recipe.spec(backward=True)
    plain = build_store(train, *specs, pairs / "plain").entries
    for _ in range(2):
        moved = build_store(train, *specs, pairs / "moved", None, Shifted(told.append, torch.device("cpu"))).entries
    # Opened, not made again.
    assert told == ["a", "b", "c"]
    for before, after in zip(plain, moved, strict=True):
        assert np.array_equal(after.source(), np.roll(before.source(), 1, axis=0))
        assert np.array_equal(after.target(), before.target())


def test_pairs_registered_before_are_prepared_again_without(pairs: Path, recipe: Recipe):
    train = split(find_cases(recipe.data, pairs).cases, recipe).train
    specs, registrar = (recipe.spec(), recipe.spec(backward=True)), Shifted(lambda _: None, torch.device("cpu"))
    moved = np.array(build_store(train, *specs, pairs / "cache", None, registrar).entries[0].source())
    assert not np.array_equal(stored(recipe, pairs).entries[0].source(), moved)


def test_unpaired_cases_have_one_side(pairs: Path, recipe_with):
    entries = stored(recipe_with(data={"paired": False}), pairs).entries
    assert all(entry.has_source != entry.has_target for entry in entries)
    target = next(entry for entry in entries if entry.has_target)
    assert target.target().max() > background(Channel.of("CT"))


@pytest.mark.parametrize("value", [-1.0, -0.3, 0.0, 0.77, 1.0])
def test_the_16_bit_step_is_below_a_tenth_of_a_hounsfield_unit(value: float):
    assert abs(quantised(np.array([value], np.float32))[0] / FULL - value) * 4095 / 2 < 0.05


def test_the_body_of_a_pair_is_that_of_its_ct(pairs: Path, recipe: Recipe):
    entry = stored(recipe, pairs).entries[0]
    prepared = prepare(read_volume(pairs / "mr" / "a.nii.gz"), recipe.spec())
    target = prepare_target(read_volume(pairs / "ct" / "a.nii.gz"), prepared, recipe.spec())
    assert np.array_equal(entry.body(), body_mask(target, "CT"))


def test_unpaired_volumes_keep_their_own_body(pairs: Path, recipe_with):
    for entry in stored(recipe_with(data={"paired": False}), pairs).entries:
        side = entry.source() if entry.has_source else entry.target()
        assert entry.body().shape == side.shape
        assert side[entry.body()].mean() > side[~entry.body()].max()
