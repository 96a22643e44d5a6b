from __future__ import annotations

import numpy as np
import pytest

from modality_translate.phantom import Label, Subject
from modality_translate.phantom.lesions import LABELS, draw_seeds

MR = ("T1", "T2", "FLAIR")


def changed(ideal: Subject, ill: Subject, key: str, label: Label) -> float:
    """Largest change a lesion makes to a volume, in the volume's own unit."""
    where = ill.labels.array == label
    assert where.any()
    return float(np.abs(ill.volumes[key].array - ideal.volumes[key].array)[where].max())


@pytest.mark.parametrize("key", [*MR, "CT"])
def test_a_hot_lesion_shows_on_pet_alone(ideal: Subject, ill: Subject, key: str) -> None:
    assert changed(ideal, ill, key, Label.HOT) == 0
    assert changed(ideal, ill, "PET", Label.HOT) > 3


@pytest.mark.parametrize("key", ["CT", "PET"])
def test_a_plaque_shows_on_mr_alone(ideal: Subject, ill: Subject, key: str) -> None:
    # PET spreads every lesion a little; the nearest one is far enough for a change below 1 % of white matter.
    assert changed(ideal, ill, key, Label.PLAQUE) < 0.03
    assert changed(ideal, ill, "FLAIR", Label.PLAQUE) > 50


def test_a_calcification_is_bright_on_ct_and_a_void_on_mr(ideal: Subject, ill: Subject) -> None:
    assert 400 <= ill.tissues[Label.CALCIFICATION].hu <= 1200
    where = ill.labels.array == Label.CALCIFICATION
    assert (ill.volumes["CT"].array - ideal.volumes["CT"].array)[where].max() > 150
    assert (ill.volumes["T2"].array[where] < 0.75 * ideal.volumes["T2"].array[where]).all()


def test_tumour_and_oedema_are_bright_on_t2(ideal: Subject, ill: Subject) -> None:
    for label in (Label.TUMOUR, Label.OEDEMA):
        where = ill.labels.array == label
        assert np.median(ill.volumes["T2"].array[where]) > 1.2 * np.median(ideal.volumes["T2"].array[where])


def test_the_list_says_where_the_lesions_are(ill: Subject) -> None:
    assert {lesion.kind for lesion in ill.lesions} == set(LABELS)
    for lesion in ill.lesions:
        voxels = np.argwhere(ill.labels.array == LABELS[lesion.kind])
        affine = ill.labels.grid.affine
        found = affine[:3, :3] @ voxels.mean(axis=0) + affine[:3, 3]
        np.testing.assert_allclose(found, lesion.centre, atol=3)
        assert lesion.volume > 0


def test_without_lesions_nothing_is_listed(ideal: Subject) -> None:
    assert ideal.lesions == ()


def test_lesions_keep_apart() -> None:
    for seed in range(20):
        seeds = [s for s in draw_seeds(np.random.default_rng(seed), 1.0) if s.kind != "tumour"]
        for i, a in enumerate(seeds):
            for b in seeds[:i]:
                assert np.linalg.norm(np.subtract(a.centre, b.centre)) > a.radius + b.radius
