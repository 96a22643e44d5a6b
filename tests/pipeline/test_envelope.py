from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from modality_translate.pipeline import check_envelope, envelope_of, measure
from modality_translate.volumes.volume import Volume

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SPACING = (5.0, 6.0, 8.0)
LOOK = {"CT": (-1000, 40, 12), "MR": (0, 400, 20), "PET": (0.05, 1.5, 0.04)}
"""Air, tissue and noise of each modality."""


def at(array: np.ndarray, spacing=SPACING) -> Volume:
    return Volume.of(array, np.diag([*spacing, 1.0]))


@pytest.fixture
def trained(make_spec, body):
    """Specs of models trained on two small bodies."""

    def of(modality):
        air, tissue, noise = LOOK[modality]
        cases = [measure(at(body(air, tissue * gain, noise)), modality) for gain in (1, 1.3)]
        return make_spec(modality=modality, envelope=envelope_of(cases))

    return of


@pytest.fixture
def like(body):
    return lambda modality, **others: body(*LOOK[modality], **others)


def test_measured_axes_are_the_patient_s(stored):
    measured = measure(stored("SLP"), "MR")
    assert measured.spacing == pytest.approx((0.9, 1.1, 2.5))
    assert measured.extent == pytest.approx((11.7, 9.9, 17.5))


def test_measured_values_are_those_of_the_body(like):
    measured = measure(at(like("CT")), "CT")
    assert measured.low == pytest.approx(-1025, abs=10)
    assert measured.median == pytest.approx(40, abs=3)
    assert measured.high == pytest.approx(68, abs=5)


def test_an_envelope_spans_its_cases(like):
    one, other = measure(at(like("MR")), "MR"), measure(at(2 * like("MR"), (4, 7, 8)), "MR")
    envelope = envelope_of([one, other])
    assert envelope.cases == 2
    assert envelope.spacing == ((4, 6, 8), (5, 7, 8))
    assert envelope.extent == ((96, 120, 128), (120, 140, 128))
    for name in ("low", "median", "high"):
        assert getattr(envelope, name) == tuple(sorted((getattr(one, name), getattr(other, name))))


@pytest.mark.parametrize("modality", ["CT", "MR", "PET"])
def test_a_volume_like_the_training_fits(modality, trained, like):
    assert check_envelope(at(like(modality)), trained(modality)) == []


@pytest.mark.parametrize("gain", [0.001, 0.3, 50])
def test_mr_has_no_unit(gain, trained, like):
    assert check_envelope(at(gain * like("MR")), trained("MR")) == []


def test_ct_with_padding_and_contrast_agent_still_fits(trained, like):
    array = like("CT")
    array[array > -300] += 60
    array[:3] = -3024
    assert check_envelope(at(array), trained("CT")) == []


@pytest.mark.parametrize(
    ("given_as", "made_for", "change", "said"),
    [
        ("MR", "CT", lambda a: a, r"not HU: 1 % of the voxels lie below .* looks like MR or PET"),
        ("MR", "CT", lambda a: (a - 200) / 100, "not HU"),
        ("PET", "CT", lambda a: a, "not HU"),
        ("CT", "CT", lambda a: a + 1024, "not HU.* offset"),
        ("CT", "CT", lambda a: a - 1024, "not HU.* offset"),
        ("CT", "CT", lambda a: np.clip((a + 1000) / 8, 0, 255), "not HU.* rescaled"),
        ("CT", "CT", lambda a: np.where(a > -300, a + 700, a), "median is .* HU; the training volumes had"),
        ("CT", "MR", lambda a: a, "model takes MR, but the values look like CT"),
        ("CT", "PET", lambda a: a, "model takes PET, but the values look like CT"),
        ("PET", "PET", lambda a: 5000 * a, "not SUV: 1 % of the body lies above .* Bq/ml"),
        ("PET", "PET", lambda a: a / 100, "median is .* SUV; the training volumes had"),
        ("MR", "PET", lambda a: a, "not SUV"),
    ],
)
def test_values_of_another_modality_or_unit_are_told(given_as, made_for, change, said, trained, like):
    (reason,) = check_envelope(at(change(like(given_as))), trained(made_for))
    assert re.search(said, reason)


@pytest.mark.parametrize(("factor", "fits"), [(0.51, True), (1.95, True), (0.45, False), (2.2, False)])
def test_the_voxel_size_may_differ_by_a_factor_of_two(factor, fits, trained, like):
    array = like("MR", shape=(24, 20, round(16 / factor)))
    reasons = check_envelope(at(array, (5, 6, 8 * factor)), trained("MR"))
    assert (reasons == []) is fits
    assert fits or "voxel size head-foot" in reasons[0]


@pytest.mark.parametrize(("depth", "fits"), [(7, True), (38, True), (5, False), (44, False)])
def test_the_field_of_view_may_differ_widely(depth, fits, trained, like):
    reasons = check_envelope(at(like("MR", shape=(24, 20, depth))), trained("MR"))
    assert (reasons == []) is fits
    assert fits or "field of view head-foot" in reasons[0]


def test_an_empty_volume_is_told(trained):
    (reason,) = check_envelope(at(np.full((5, 5, 5), -1000, np.float32)), trained("CT"))
    assert "same value, -1000" in reason


def test_voxels_that_are_no_numbers_are_told(trained, like):
    array = like("MR")
    array[3, 3, 3] = np.nan
    assert check_envelope(at(array), trained("MR")) == ["some voxels are NaN or infinite"]


def test_without_an_envelope_values_are_still_judged(make_spec, like):
    assert check_envelope(at(like("CT")), make_spec(modality="CT")) == []
    assert check_envelope(at(like("MR")), make_spec(modality="CT"))


@pytest.mark.skipif(not DATA.is_dir(), reason="no real volumes beside the project")
def test_real_volumes_are_told_apart(make_spec):
    import nibabel

    files = {"CT": "ct", "MR": "mr_t1", "PET": "pet"}
    folders = sorted((DATA / "paired_sts").iterdir())[::4]

    def read(folder: Path, modality: str) -> Volume:
        image = nibabel.load(folder / f"{files[modality]}.nii.gz")
        return Volume.of(np.asarray(image.dataobj), image.affine)

    first, *others = folders
    for modality in files:
        spec = make_spec(modality=modality, envelope=envelope_of([measure(read(first, modality), modality)]))
        assert [check_envelope(read(folder, modality), spec) for folder in others] == [[]] * len(others)
        for other in set(files) - {modality}:
            confusable = {modality, other} == {"MR", "PET"} and modality == "MR"
            assert bool(check_envelope(read(first, other), spec)) is not confusable
