from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modality_translate.data.reference import load_reference
from modality_translate.data.subjects import Case
from modality_translate.errors import VolumeError
from modality_translate.recipe import Recipe
from modality_translate.volumes import Volume, write_volume


def test_a_target_on_the_same_grid_is_taken_as_it_is(pairs: Path, recipe: Recipe):
    reference = load_reference(Case("a", pairs / "mr/a.nii.gz", pairs / "ct/a.nii.gz"), recipe.spec())
    assert set(np.unique(reference.target.array)) == {-1000.0, 40.0}


def test_a_target_on_another_grid_moves_onto_the_sources(tmp_path: Path, recipe: Recipe):
    ramp = np.broadcast_to(np.arange(16.0)[:, None, None], (16, 4, 4))
    write_volume(tmp_path / "ct.nii", Volume.of(ramp, np.eye(4)))
    flipped = np.diag([-2.0, 1.0, 1.0, 1.0])
    flipped[0, 3] = 14.5
    write_volume(tmp_path / "mr.nii", Volume.of(np.zeros((8, 4, 4)), flipped))
    reference = load_reference(Case("a", tmp_path / "mr.nii", tmp_path / "ct.nii"), recipe.spec())
    assert reference.target.grid.matches(reference.source.grid)
    assert np.allclose(reference.target.array[1:-1, 1, 1], 14.5 - 2 * np.arange(1, 7), atol=1e-3)


def test_one_side_cannot_be_scored(pairs: Path, recipe: Recipe):
    with pytest.raises(VolumeError, match="a: has one side only"):
        load_reference(Case("a", pairs / "mr/a.nii.gz"), recipe.spec())
