from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from modality_translate.phantom import Label, PhantomSettings, Subject, make_subject
from modality_translate.phantom.mr import InversionRecovery, SpinEcho, SpoiledGradientEcho
from modality_translate.phantom.tissues import TISSUES

SEQUENCES = {"T1": SpoiledGradientEcho(), "T2": SpinEcho(), "FLAIR": InversionRecovery()}
PURE = (Label.WHITE, Label.CSF, Label.MUSCLE, Label.FAT)


Pure = Callable[[Label], np.ndarray]


def mean(subject: Subject, key: str, mask: np.ndarray) -> float:
    assert mask.sum() >= 20
    return float(subject.volumes[key].array[mask].mean())


@pytest.mark.parametrize("key", sorted(SEQUENCES))
@pytest.mark.parametrize("label", [Label.CSF, Label.MUSCLE, Label.FAT])
def test_mr_means_follow_the_signal_equations(ideal: Subject, pure: Pure, key: str, label: Label) -> None:
    signal = SEQUENCES[key].signal
    scale = mean(ideal, key, pure(Label.WHITE)) / signal(TISSUES[Label.WHITE])
    expected = scale * signal(TISSUES[label])
    assert mean(ideal, key, pure(label)) == pytest.approx(
        expected, rel=0.02, abs=0.002 * scale * signal(TISSUES[Label.WHITE])
    )


@pytest.mark.parametrize("label", PURE)
def test_ct_means_are_the_tissues_hu(ideal: Subject, pure: Pure, label: Label) -> None:
    assert mean(ideal, "CT", pure(label)) == pytest.approx(TISSUES[label].hu, abs=2)


def test_pet_means_are_the_tissues_suv_away_from_edges(ideal: Subject, pure: Pure) -> None:
    deep = mean(ideal, "PET", ndimage.binary_erosion(pure(Label.WHITE), iterations=4))
    assert deep == pytest.approx(TISSUES[Label.WHITE].suv, rel=0.02)


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("T1", (Label.WHITE, Label.GREY, Label.CSF)),
        ("T2", (Label.CSF, Label.GREY, Label.WHITE)),
        ("PET", (Label.GREY, Label.WHITE, Label.CSF)),
    ],
)
def test_brain_contrast_has_the_right_order(noisy: Subject, key: str, order: tuple[Label, ...]) -> None:
    values = [np.median(noisy.volumes[key].array[noisy.labels.array == label]) for label in order]
    assert values == sorted(values, reverse=True)


def test_csf_is_the_darkest_of_the_brain_on_flair(ideal: Subject, pure: Pure) -> None:
    assert mean(ideal, "FLAIR", pure(Label.CSF)) < 0.02 * mean(ideal, "FLAIR", pure(Label.WHITE))


def test_bone_and_air_are_both_dark_on_t1_but_far_apart_on_ct(ideal: Subject, pure: Pure) -> None:
    white = mean(ideal, "T1", pure(Label.WHITE))
    for label in (Label.BONE, Label.AIR, Label.CAVITY):
        assert mean(ideal, "T1", pure(label)) < 0.01 * white
    assert mean(ideal, "CT", pure(Label.AIR)) == pytest.approx(-1000, abs=1)
    assert mean(ideal, "CT", pure(Label.CAVITY)) == pytest.approx(-1000, abs=1)
    assert mean(ideal, "CT", pure(Label.BONE)) == pytest.approx(1100, abs=10)


@pytest.mark.parametrize(("label", "brainweb"), [(Label.CSF, 372), (Label.GREY, 903), (Label.WHITE, 671)])
@pytest.mark.parametrize("subject", ["ideal", "noisy"])
def test_brain_volumes_lie_within_35_percent_of_brainweb(
    label: Label, brainweb: float, subject: str, request: pytest.FixtureRequest
) -> None:
    labels = request.getfixturevalue(subject).labels
    volume = (labels.array == label).sum() * np.prod(labels.grid.spacing) / 1000
    assert 0.65 * brainweb < volume < 1.35 * brainweb


def test_all_volumes_share_one_grid_with_air_around_the_head(noisy: Subject) -> None:
    grid = noisy.labels.grid
    assert grid.orientation == "RAS"
    assert all(volume.grid.matches(grid) for volume in noisy.volumes.values())
    for face in (noisy.labels.array[0], noisy.labels.array[-1], noisy.labels.array[:, 0], noisy.labels.array[:, :, -1]):
        assert (face == Label.AIR).all()


def test_the_anatomy_does_not_depend_on_the_voxel_size(noisy: Subject) -> None:
    finer = make_subject(5, PhantomSettings(spacing=3)).labels
    for label in (Label.WHITE, Label.BONE, Label.MUSCLE):
        volumes = [(v.array == label).sum() * np.prod(v.grid.spacing) for v in (noisy.labels, finer)]
        assert volumes[0] == pytest.approx(volumes[1], rel=0.1)


def test_same_seed_gives_the_same_voxels_and_another_seed_does_not(noisy: Subject) -> None:
    again, other = (make_subject(seed, PhantomSettings(spacing=4)) for seed in (5, 6))
    for key, volume in noisy.volumes.items():
        np.testing.assert_array_equal(volume.array, again.volumes[key].array)
        assert not np.array_equal(volume.array, other.volumes[key].array)


def test_subjects_have_their_own_constants() -> None:
    settings = PhantomSettings(spacing=8)
    first, second = (make_subject(seed, settings).tissues[Label.WHITE].t1 for seed in (1, 2))
    assert first != second
    assert first == pytest.approx(830, rel=0.11)
