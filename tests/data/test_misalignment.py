from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from modality_translate.data.misalignment import measure_misalignment
from modality_translate.phantom import PhantomSettings, make_subject
from modality_translate.volumes import Volume

SHAPE = (56, 52, 48)
GRID = np.diag([2.0, 2.0, 2.0, 1.0])


def tissues(seed: int = 0) -> np.ndarray:
    """Winding compartments 0 to 3, with edges in every direction."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), 4, mode="wrap")
    return np.digitize(noise / noise.std(), [-0.7, 0.0, 0.7])


def seen(labels: np.ndarray, contrast: list[float], affine: np.ndarray = GRID) -> Volume:
    noise = np.random.default_rng(1).normal(0, 5, SHAPE)
    return Volume.of(ndimage.gaussian_filter(np.array(contrast)[labels], 0.5) + noise, affine)


MR, CT = [0.0, 300.0, 900.0, 500.0], [-1000.0, 60.0, -100.0, 700.0]


def test_aligned_pairs_of_unlike_contrast_measure_next_to_nothing():
    found = measure_misalignment(seen(tissues(), MR), seen(tissues(), CT))
    assert found is not None
    assert found.median < 0.4
    assert found.agreement > 0.6


@pytest.mark.parametrize("shift", [(3.0, 0.0, 0.0), (0.0, -4.4, 2.0), (5.0, 5.0, -5.0)])
def test_a_shifted_origin_is_measured_in_mm_with_its_sign(shift: tuple[float, float, float]):
    moved = GRID.copy()
    moved[:3, 3] = shift
    found = measure_misalignment(seen(tissues(), MR), seen(tissues(), CT, moved))
    assert found is not None
    assert found.shift == pytest.approx(shift, abs=0.7)
    assert found.median == pytest.approx(np.linalg.norm(shift), abs=0.7)


def test_it_rises_with_the_shift_and_does_not_depend_on_the_storage_order():
    medians = []
    for millimetres in (0.0, 2.5, 5.0, 7.5):
        moved = GRID.copy()
        moved[0, 3] = millimetres
        target = seen(tissues(), CT, moved)
        found = measure_misalignment(seen(tissues(), MR), target)
        flip = np.diag([-1.0, 1.0, 1.0, 1.0])
        flip[0, 3] = SHAPE[0] - 1
        turned = Volume.of(target.array[::-1], moved @ flip)
        again = measure_misalignment(seen(tissues(), MR), turned)
        assert found is not None
        assert again is not None
        assert again.median == pytest.approx(found.median, abs=0.05)
        medians.append(found.median)
    assert medians == sorted(medians)


def test_other_anatomy_agrees_less_than_true_partners():
    found = measure_misalignment(seen(tissues(0), MR), seen(tissues(9), CT))
    assert found is None or found.agreement < 0.5


def test_a_part_that_moved_shows_in_the_tail():
    labels = tissues()
    moved = labels.copy()
    moved[:, :, 30:] = np.roll(labels, 3, axis=0)[:, :, 30:]
    found = measure_misalignment(seen(labels, MR), seen(moved, CT))
    assert found is not None
    assert found.p90 > 4.0
    assert found.median < found.p90


def test_no_structure_in_one_of_them_cannot_be_measured():
    flat = Volume.of(np.full(SHAPE, 7.0), GRID)
    assert measure_misalignment(seen(tissues(), MR), flat) is None
    assert measure_misalignment(flat, seen(tissues(), MR)) is None


def test_volumes_thinner_than_a_block_or_apart_cannot_be_measured():
    pair = seen(tissues(), MR), seen(tissues(), CT)
    thin = [Volume.of(volume.array[:, :, :5], GRID) for volume in pair]
    assert measure_misalignment(*thin) is None
    far = GRID.copy()
    far[0, 3] = 500
    assert measure_misalignment(pair[0], Volume.of(pair[1].array, far)) is None


def test_the_true_displacement_of_a_phantom_is_found():
    subject = make_subject(1, PhantomSettings(spacing=3.0, misalign="rigid"))
    assert subject.field is not None
    inside = subject.volumes["CT"].array > -300
    truth = np.linalg.norm(subject.field, axis=0)[inside]
    found = measure_misalignment(subject.volumes["T1"], subject.volumes["CT"])
    assert found is not None
    assert found.median == pytest.approx(np.median(truth), abs=0.8)
    mean = subject.field[:, inside].mean(axis=1)
    assert found.shift == pytest.approx(tuple(mean), abs=1.0)
