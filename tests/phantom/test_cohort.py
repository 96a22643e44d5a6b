from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from modality_translate.errors import RecipeError, VolumeError
from modality_translate.phantom import PhantomSettings, is_cohort, write_cohort
from modality_translate.volumes import read_volume

COARSE = PhantomSettings(spacing=8, lesions=1)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_cohort(tmp_path / name, 2, 7, COARSE)
    first, second = digests(tmp_path / "a"), digests(tmp_path / "b")
    assert first == second
    assert len(set(first.values())) == len(first) == 2 * 6 + 1


def test_a_subject_does_not_depend_on_the_size_of_the_cohort(tmp_path: Path) -> None:
    write_cohort(tmp_path / "one", 1, 7, COARSE)
    write_cohort(tmp_path / "two", 2, 7, COARSE)
    small, large = digests(tmp_path / "one"), digests(tmp_path / "two")
    assert small["ct/sub-000.nii.gz"] == large["ct/sub-000.nii.gz"]


def test_files_read_back_as_one_grid(tmp_path: Path) -> None:
    assert write_cohort(tmp_path, 1, 0, COARSE) == ["sub-000"]
    volumes = {key: read_volume(tmp_path / key / "sub-000.nii.gz") for key in ("t1", "t2", "flair", "ct", "pet")}
    labels = read_volume(tmp_path / "labels" / "sub-000.nii.gz")
    assert all(volume.grid.matches(labels.grid) for volume in volumes.values())
    assert labels.grid.extent == pytest.approx((192, 240, 240))
    assert volumes["ct"].array.min() >= -1024
    truth = json.loads((tmp_path / "cohort.json").read_text())
    assert truth["settings"]["spacing"] == 8
    assert truth["labels"]["white"] == 8
    assert truth["subjects"][0]["lesions"]


def test_a_whole_cohort_is_known_again_and_only_for_what_it_was_made(tmp_path: Path) -> None:
    assert not is_cohort(tmp_path, 1, 0, COARSE)
    write_cohort(tmp_path, 1, 0, COARSE)
    assert is_cohort(tmp_path, 1, 0, COARSE)
    assert not is_cohort(tmp_path, 2, 0, COARSE)
    assert not is_cohort(tmp_path, 1, 1, COARSE)
    assert not is_cohort(tmp_path, 1, 0, COARSE.model_copy(update={"spacing": 7.0}))


def test_a_misaligned_cohort_saves_the_field_in_mm(tmp_path: Path) -> None:
    write_cohort(tmp_path, 1, 0, COARSE.model_copy(update={"misalign": "elastic"}))
    field = np.stack([read_volume(tmp_path / "field" / f"sub-000-{axis}.nii.gz").array for axis in "xyz"])
    assert 0.99 < np.sqrt((field**2).sum(axis=0)).max() < 5.01


def test_an_unpaired_cohort_shares_no_subject_between_modalities(tmp_path: Path) -> None:
    assert len(write_cohort(tmp_path, 2, 0, COARSE, unpaired=True)) == 6
    names = {key: {path.name[:7] for path in (tmp_path / key).iterdir()} for key in ("t1", "t2", "flair", "ct", "pet")}
    assert names["t1"] == names["t2"] == names["flair"] == {"sub-000", "sub-001"}
    assert names["ct"] == {"sub-002", "sub-003"}
    assert names["pet"] == {"sub-004", "sub-005"}


def test_unpaired_and_misaligned_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="same subject"):
        write_cohort(tmp_path, 1, 0, PhantomSettings(misalign="rigid"), unpaired=True)


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(VolumeError, match="not empty"):
        write_cohort(tmp_path, 1, 0, COARSE)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_overwriting_replaces_the_earlier_cohort_and_nothing_else(tmp_path: Path) -> None:
    write_cohort(tmp_path, 2, 0, COARSE)
    (tmp_path / "ct" / "mine.txt").write_text("keep")
    write_cohort(tmp_path, 1, 1, COARSE, overwrite=True)
    assert sorted(path.name for path in (tmp_path / "ct").iterdir()) == ["mine.txt", "sub-000.nii.gz"]


def test_volumes_that_are_no_cohorts_are_never_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "ct" / "sub-001.nii.gz"
    mine.parent.mkdir()
    mine.write_text("a patient")
    with pytest.raises(VolumeError, match="not an earlier cohort's"):
        write_cohort(tmp_path, 1, 0, COARSE, overwrite=True)
    assert mine.read_text() == "a patient"


def test_a_cohort_that_was_never_finished_can_be_overwritten(tmp_path: Path) -> None:
    def killed(name: str) -> None:
        if name == "sub-001":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_cohort(tmp_path, 2, 0, COARSE, progress=killed)
    write_cohort(tmp_path, 1, 0, COARSE, overwrite=True)
    assert [path.name for path in (tmp_path / "ct").iterdir()] == ["sub-000.nii.gz"]


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.touch()
    with pytest.raises(VolumeError, match="is a file"):
        write_cohort(path, 1, 0, COARSE)


def test_no_subjects_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="not a number of subjects"):
        write_cohort(tmp_path, 0, 0, COARSE)
