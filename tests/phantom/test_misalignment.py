from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from modality_translate.phantom import PhantomSettings, Subject, make_subject

QUIET = {"spacing": 3, "mr_noise": 0, "lesions": 0, "variation": 0, "bias": 0}


@pytest.fixture(scope="module")
def aligned() -> Subject:
    return make_subject(3, PhantomSettings(**QUIET))


@pytest.fixture(scope="module", params=["rigid", "elastic"])
def moved(request: pytest.FixtureRequest) -> Subject:
    return make_subject(3, PhantomSettings(**QUIET, misalign=request.param))


def warp(array: np.ndarray, field: np.ndarray, spacing: float) -> np.ndarray:
    at = np.indices(array.shape) + field / spacing
    return ndimage.map_coordinates(array, at, order=1, mode="nearest")


def test_the_field_maps_one_side_onto_the_other(aligned: Subject, moved: Subject) -> None:
    # A light blur first: what linear interpolation does to edges would hide what the field does.
    still, displaced = (ndimage.gaussian_filter(s.volumes["T1"].array, 1) for s in (aligned, moved))
    before = np.abs(still - displaced).mean()
    after = np.abs(warp(still, moved.field, 3.0) - displaced).mean()
    wrong = np.abs(warp(still, -moved.field, 3.0) - displaced).mean()
    assert after < 0.35 * before
    assert after < 0.2 * wrong


def test_ct_pet_and_labels_stay_where_they_are(aligned: Subject, moved: Subject) -> None:
    for key in ("CT", "PET"):
        np.testing.assert_array_equal(aligned.volumes[key].array, moved.volumes[key].array)
    np.testing.assert_array_equal(aligned.labels.array, moved.labels.array)


@pytest.mark.parametrize(("kind", "low", "high"), [("rigid", 0.9, 3.1), ("elastic", 0.02, 3.0)])
def test_displacements_have_the_size_that_was_promised(kind: str, low: float, high: float) -> None:
    for seed in range(3):
        field = make_subject(seed, PhantomSettings(spacing=8, misalign=kind)).field
        length = np.sqrt((field**2).sum(axis=0))
        middle = tuple(n // 2 for n in length.shape)
        assert low < length[middle] < high
        assert 0.99 < length.max() < (5.01 if kind == "elastic" else 6)


def test_an_aligned_subject_has_no_field(aligned: Subject) -> None:
    assert aligned.field is None


def test_the_reach_of_an_elastic_field_is_the_one_asked_for() -> None:
    near, far = (
        make_subject(3, PhantomSettings(spacing=8, misalign="elastic", elastic=(mm, mm))).field for mm in (2, 6)
    )
    assert np.sqrt((far**2).sum(axis=0)).max() == pytest.approx(6, rel=1e-4)
    np.testing.assert_allclose(far, 3 * near, rtol=1e-4)
