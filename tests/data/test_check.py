from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from modality_translate.data.check import check_cases, judged, overlap, roles_of
from modality_translate.data.misalignment import Misalignment
from modality_translate.data.subjects import Case
from modality_translate.volumes import Volume, read_volume, write_volume

SHAPE = (44, 44, 36)
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "paired_sts"
GRID = np.diag([2.0, 2.0, 2.0, 1.0])
CONTRAST = {"mr": [0.0, 900.0, 400.0, 0.0], "ct": [-1000.0, -100.0, 50.0, 800.0]}


def anatomy(seed: int) -> np.ndarray:
    """A body in air, with winding fat, muscle and bone."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), 3, mode="wrap")
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    return (1 + np.digitize(noise / noise.std(), [-0.4, 0.6])) * ((place[:2] ** 2).sum(axis=0) < 0.8)


def volume(seed: int, side: str, affine: np.ndarray = GRID) -> Volume:
    noise = np.random.default_rng(seed + 99).normal(0, 5, SHAPE)
    return Volume.of(np.array(CONTRAST[side])[anatomy(seed)] + noise, affine)


@pytest.fixture
def cases(tmp_path: Path) -> tuple[Case, ...]:
    """Three pairs that are fine."""
    found = []
    for seed, name in enumerate("abc"):
        for side in CONTRAST:
            (tmp_path / side).mkdir(exist_ok=True)
            write_volume(tmp_path / side / f"{name}.nii", volume(seed, side))
        found.append(Case(name, tmp_path / "mr" / f"{name}.nii", tmp_path / "ct" / f"{name}.nii"))
    return tuple(found)


def put(path: Path | None, content: Volume) -> None:
    assert path is not None
    write_volume(path, content, overwrite=True)


def verdicts(cases: tuple[Case, ...], **roles: str) -> dict[str, tuple[str, str]]:
    report = check_cases(cases, ("MR", "CT"), roles)
    return {finding.name: (finding.verdict, "; ".join(finding.reasons)) for finding in report.findings}


def test_good_pairs_are_ok_with_their_figures(cases: tuple[Case, ...]):
    report = check_cases(cases, (None, None))
    assert report.named("ok") == ["a", "b", "c"]
    assert report.modalities == ("MR", "CT")
    first = report.findings[0]
    assert (first.same_grid, first.overlap) == (True, 1.0)
    assert first.misalignment is not None
    assert first.misalignment.median < 1.0
    assert first.source is not None
    assert (first.source.shape, first.source.orientation) == (SHAPE, "RAS")


def test_an_unreadable_volume_stops_nothing(cases: tuple[Case, ...]):
    assert cases[0].target is not None
    cases[0].target.write_bytes(b"no volume")
    found = verdicts(cases)
    assert found["a"][0] == "error"
    assert "target a.nii" in found["a"][1]
    assert [found[name][0] for name in "bc"] == ["ok", "ok"]


def test_swapped_modalities_are_errors(cases: tuple[Case, ...]):
    found = verdicts(tuple(case.swapped() for case in cases))
    assert {verdict for verdict, _ in found.values()} == {"error"}
    assert "source: expected is MR, but the values look like CT in HU" in found["a"][1]
    assert "target: the values are not HU" in found["a"][1]


def test_one_ct_with_an_offset_is_an_error(cases: tuple[Case, ...]):
    moved = volume(1, "ct")
    put(cases[1].target, Volume.of(moved.array + 1024, GRID))
    found = verdicts(cases)
    assert found["b"][0] == "error"
    assert "not HU" in found["b"][1]
    assert found["a"][0] == "ok"


def test_values_that_are_not_numbers_or_all_equal_are_errors(cases: tuple[Case, ...]):
    put(cases[0].source, Volume.of(np.zeros(SHAPE), GRID))
    found = verdicts(cases)
    assert found["a"][0] == "error"
    assert "empty" in found["a"][1]


@pytest.mark.parametrize(("millimetres", "verdict"), [(3.5, "loose"), (8.0, "bad"), (60.0, "bad")])
def test_a_shifted_origin_is_flagged(cases: tuple[Case, ...], millimetres: float, verdict: str):
    moved = GRID.copy()
    moved[0, 3] = millimetres
    put(cases[2].target, volume(2, "ct", moved))
    found = verdicts(cases)
    assert found["c"][0] == verdict
    assert [found[name][0] for name in "ab"] == ["ok", "ok"]


def test_the_partner_of_another_patient_is_bad(cases: tuple[Case, ...]):
    put(cases[0].target, volume(7, "ct"))
    assert verdicts(cases)["a"][0] == "bad"


def test_the_same_voxels_under_two_names_are_named(cases: tuple[Case, ...]):
    assert cases[0].source is not None
    turned = read_volume(cases[0].source)
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    flip[0, 3] = SHAPE[0] - 1
    put(cases[1].source, Volume.of(turned.array[::-1], GRID @ flip))
    found = verdicts(cases)
    assert found["a"][0] == found["b"][0] == "bad"
    assert "holds the same voxels as b (source)" in found["a"][1]
    assert found["c"][0] == "ok"


def test_a_patient_on_both_sides_of_the_split_is_bad(cases: tuple[Case, ...]):
    names = ("sub-01_ses-1", "sub-01_ses-2", "sub-02")
    renamed = tuple(replace(case, name=name) for case, name in zip(cases, names, strict=True))
    found = verdicts(renamed, **{"sub-01_ses-1": "train", "sub-01_ses-2": "held_out", "sub-02": "train"})
    assert found["sub-01_ses-1"][0] == found["sub-01_ses-2"][0] == "bad"
    assert "patient sub-01 is on both sides of the split" in found["sub-01_ses-1"][1]
    assert found["sub-02"] == ("ok", "")


def test_unpaired_volumes_are_judged_alone(cases: tuple[Case, ...]):
    alone = (replace(cases[0], target=None), replace(cases[1], source=None))
    report = check_cases(alone, ("MR", "CT"))
    assert report.named("ok") == ["a", "b"]
    assert report.findings[0].overlap is None


def test_alignment_with_pet_is_shown_and_not_judged(cases: tuple[Case, ...]):
    moved = GRID.copy()
    moved[0, 3] = 8.0
    shifted = volume(0, "mr", moved)
    put(cases[0].target, Volume.of(shifted.array / 100, moved))
    finding = check_cases(cases[:1], ("MR", "PET")).findings[0]
    assert finding.verdict == "ok"
    assert finding.misalignment is not None


def test_names_tell_a_pet_as_they_do_for_a_plan(cases: tuple[Case, ...], tmp_path: Path):
    pet = tmp_path / "pet" / "a.nii"
    pet.parent.mkdir()
    write_volume(pet, Volume.of(volume(7, "mr").array / 100, GRID))
    report = check_cases((replace(cases[0], target=pet),), (None, None))
    assert report.modalities == ("MR", "PET")
    assert report.named("bad") == []


def test_without_a_telling_name_only_a_ct_is_recognised(cases: tuple[Case, ...], tmp_path: Path):
    (tmp_path / "ct").rename(tmp_path / "second")
    (tmp_path / "mr").rename(tmp_path / "first")
    unnamed = (Case("a", tmp_path / "first" / "a.nii", tmp_path / "second" / "a.nii"),)
    assert check_cases(unnamed, (None, None)).modalities == (None, "CT")


def test_overlap_is_the_share_of_the_source():
    grid = volume(0, "mr").grid
    moved = GRID.copy()
    moved[0, 3] = SHAPE[0]  # half of the field of view
    assert overlap(grid, replace(grid, affine=moved)) == pytest.approx(0.5, abs=0.03)
    assert overlap(grid, grid) == 1.0
    moved[0, 3] = 1000
    assert overlap(grid, replace(grid, affine=moved)) == 0.0


@pytest.mark.parametrize(
    ("median", "p90", "agreement", "verdict"),
    [
        (1.0, 2.0, 0.8, "ok"),
        (1.0, 5.0, 0.8, "loose"),
        (3.0, 4.0, 0.8, "loose"),
        (6.0, 7.0, 0.8, "bad"),
        (1.0, 9.0, 0.8, "bad"),
        (1.0, 2.0, 0.3, "bad"),
    ],
)
def test_the_verdict_follows_median_tail_and_agreement(median: float, p90: float, agreement: float, verdict: str):
    found = Misalignment(median, p90, (0.0, 0.0, 0.0), agreement, 30)
    assert judged(found, 2.0)[0] == verdict


def test_roles_come_from_the_split():
    names = {"train_source": ["a"], "train_target": ["b"], "validation": ["c"], "held_out": ["d"]}
    assert roles_of(names) == {"a": "train", "b": "train", "c": "validation", "d": "held_out"}


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the paired limb volumes")
def test_real_limbs_that_fit_pass_and_those_known_to_be_loose_do_not():
    names = ("STS_018", "STS_024", "STS_025", "STS_035", "STS_043")
    real = tuple(Case(name, REAL / name / "mr_t1.nii.gz", REAL / name / "ct.nii.gz") for name in names)
    report = check_cases(real, ("MR", "CT"))
    assert report.named("ok") == ["STS_024", "STS_035", "STS_043"]
    assert report.named("loose", "bad") == ["STS_018", "STS_025"]
