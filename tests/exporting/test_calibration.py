from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modality_translate.errors import NothingToDoError, RunError
from modality_translate.exporting.calibration import MOST_VOLUMES, real_patches, sources_in, sources_of
from modality_translate.pipeline.spec import Spec, Tiling
from modality_translate.recipe import Recipe, recipe_from
from modality_translate.training.run import RunFolder
from modality_translate.volumes import Volume, write_volume


@pytest.fixture
def run_with_volumes(tmp_path: Path, recipe: Recipe, head: Volume) -> RunFolder:
    """A run folder beside its paired volumes, one of which validates."""
    for side in ("a", "b"):
        (tmp_path / side).mkdir()
        for number in range(4):
            write_volume(tmp_path / side / f"{number}.nii.gz", head)
    folder = tmp_path / "run"
    folder.mkdir()
    values = recipe.model_dump(mode="json")
    values["data"] |= {"source": "../a", "target": "../b", "validation": 1}
    run = RunFolder(folder)
    run.write_recipe(recipe_from(values, "test"))
    return run


def test_no_volume_both_calibrates_and_proves(scans_of_heads: Path):
    sources = sources_in(scans_of_heads)
    assert [path.name for path in sources.calibration] == ["0.nii.gz", "2.nii.gz"]
    assert [path.name for path in sources.proof] == ["1.nii.gz", "3.nii.gz"]


def test_one_volume_is_not_enough(tmp_path: Path, head: Volume):
    write_volume(tmp_path / "only.nii.gz", head)
    with pytest.raises(NothingToDoError, match="has 1 source volumes; one to calibrate on and another to prove on"):
        sources_in(tmp_path)


def test_a_run_calibrates_on_training_and_proves_on_validation(run_with_volumes: RunFolder):
    sources = sources_of(run_with_volumes, "forward")
    assert (len(sources.calibration), len(sources.proof)) == (3, 1)
    assert not set(sources.calibration) & set(sources.proof)
    assert {path.parent.name for path in (*sources.calibration, *sources.proof)} == {"a"}
    assert {path.parent.name for path in sources_of(run_with_volumes, "backward").proof} == {"b"}


def test_volumes_that_are_gone_are_told_with_the_way_out(run: Path):
    with pytest.raises(RunError, match=r"its volumes cannot be had any more .*--calibrate FOLDER"):
        sources_of(RunFolder(run), "forward")


def test_patches_are_those_the_runtime_cuts(scans_of_heads: Path, spec_of_run: Spec):
    files = sources_in(scans_of_heads).calibration
    patches = real_patches(files, spec_of_run)
    assert patches.shape[1:] == (1, *spec_of_run.tiling.patch)
    assert patches.dtype == np.float32
    assert patches.max() > 500
    huge = spec_of_run.model_copy(update={"tiling": Tiling(patch=(256, 256, 256))})
    assert len(real_patches(files, huge)) == 2
    assert MOST_VOLUMES == 8
