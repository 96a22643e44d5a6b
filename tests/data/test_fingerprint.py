from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from modality_translate.data.fingerprint import MOST_READ, canonical_grid, median_spacing, sampled, take_fingerprint
from modality_translate.data.subjects import Case, find_cases
from modality_translate.errors import VolumeError
from modality_translate.recipe import Data
from modality_translate.volumes import Grid, Volume, read_volume, write_volume


def cases_of(folder: Path, *, paired: bool = True) -> tuple[Case, ...]:
    return find_cases(Data(source="mr", target="ct", paired=paired), folder).cases


def test_a_fingerprint_tells_grids_and_intensities(pairs: Path):
    found = take_fingerprint(cases_of(pairs), (None, None))
    assert found.pairs == ("a", "b", "c")
    assert (found.source.modality, found.target.modality) == ("MR", "CT")
    assert (found.source.spacing, found.source.shape) == ((2.0, 2.0, 4.0), (20, 24, 6))
    assert (found.source.stored, found.source.orientations) == (("float32",), ("RAS",))
    assert found.source.intensities.percentiles[1] == pytest.approx(515, abs=5)
    assert 0.45 < found.source.intensities.background < 0.6
    assert found.target.intensities.mean == pytest.approx(40.0)
    assert found.source.problems == found.target.problems == ()


def test_the_most_that_a_source_does_not_show_is_told(pairs: Path):
    assert take_fingerprint(cases_of(pairs), (None, None)).unseen == 0.0
    mr = read_volume(pairs / "mr" / "b.nii.gz")
    mr.array[:, :, 4:] = 0.0
    write_volume(pairs / "mr" / "b.nii.gz", mr, overwrite=True)
    assert take_fingerprint(cases_of(pairs), (None, None)).unseen == pytest.approx(1 / 3, abs=0.01)


def test_axes_are_those_of_the_patient_whatever_the_storage_order(tmp_path: Path):
    affine = np.zeros((4, 4))
    affine[0, 2], affine[1, 0], affine[2, 1], affine[3, 3] = 1.0, -2.0, 3.0, 1.0
    write_volume(tmp_path / "v.nii", Volume.of(np.zeros((4, 5, 6)), affine))
    grid = canonical_grid(tmp_path / "v.nii")
    assert (grid.shape, grid.spacing) == ((6, 4, 5), (1.0, 2.0, 3.0))


def test_the_median_resists_one_odd_scan():
    sizes = ((1, 1, 3), (1, 1, 3), (9, 9, 9))
    assert median_spacing([Grid((1, 1, 1), np.diag([*s, 1.0])) for s in sizes]) == (1, 1, 3)


def test_a_ct_is_recognised_by_its_numbers(pairs: Path):
    for old, new in (("mr", "one"), ("ct", "two")):
        (pairs / old).rename(pairs / new)
    cases = find_cases(Data(source="one", target="two"), pairs).cases
    found = take_fingerprint(cases, (None, None))
    assert (found.source.modality, found.target.modality) == (None, "CT")


def test_numbers_that_contradict_the_modality_are_told_with_the_file(pairs: Path):
    found = take_fingerprint(cases_of(pairs), ("CT", "MR"))
    assert "mr/a.nii.gz: the values are not HU" in found.source.problems[0]
    assert len(found.target.problems) == 3


def test_the_same_few_cases_are_read_at_every_call():
    paths = [Case(f"p{i:03d}", Path("s"), Path("t")) for i in range(100)]
    chosen = sampled(paths)
    assert len(chosen) == MOST_READ
    assert (chosen[0], chosen[-1]) == (paths[0], paths[-1])
    assert chosen == sampled(paths)


def test_unpaired_folders_are_read_from_both_sides():
    cases = [Case(f"a{i}", source=Path("s")) for i in range(50)] + [Case("b", target=Path("t"))]
    chosen = sampled(cases)
    assert cases[-1] in chosen
    assert len(chosen) <= MOST_READ


def test_progress_is_told_case_by_case(pairs: Path):
    told: list[tuple[int, int]] = []
    take_fingerprint(cases_of(pairs), ("MR", "CT"), lambda *state: told.append(state))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_volume_with_nan_is_named(pairs: Path):
    array = np.full((20, 24, 6), 300.0)
    array[:4], array[0, 0, 0] = 0.0, np.nan
    nibabel.save(nibabel.Nifti1Image(array, np.diag([2.0, 2.0, 4.0, 1.0])), pairs / "mr" / "a.nii.gz")
    with pytest.raises(VolumeError, match=r"a\.nii\.gz: holds 1 NaN"):
        take_fingerprint(cases_of(pairs), ("MR", "CT"))
