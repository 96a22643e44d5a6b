from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from modality_translate.data import free_form
from modality_translate.data.free_form import FreeForm, register

SHAPE, SPACING = (40, 36, 20), (2.0, 2.0, 3.0)
ANYWHERE = np.ones(SHAPE, bool)
CPU = torch.device("cpu")


def constant(shift: tuple[float, float, float]) -> FreeForm:
    """All control points moved by `shift` mm."""
    counts = [round(np.ceil((n - 1) * side / free_form.APART)) + 3 for n, side in zip(SHAPE, SPACING, strict=True)]
    control = np.tile(np.float32(shift)[:, None, None, None], (1, *counts))
    return FreeForm(control, SHAPE, SPACING)


@pytest.fixture
def quick(monkeypatch):
    """Fewer points: enough for a small volume."""
    monkeypatch.setattr(free_form, "POINTS", 3000)
    monkeypatch.setattr(free_form, "STEPS", 100)


@given(st.tuples(*[st.floats(-20, 20)] * 3))
def test_control_points_that_move_alike_move_every_voxel_so(shift):
    field = constant(shift).displacement()
    assert np.allclose(field, np.reshape(np.divide(shift, SPACING), (3, 1, 1, 1)), atol=1e-4)


def test_what_is_not_displaced_keeps_its_values(contrasts):
    array, _ = contrasts(SHAPE)
    assert np.allclose(constant((0, 0, 0)).moved(array), array, atol=0.05)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_whole_voxels_are_read_further_along_their_axis(contrasts, axis: int):
    (array, _), shift = contrasts(SHAPE), [0.0, 0.0, 0.0]
    shift[axis] = 2 * SPACING[axis]
    moved = constant((shift[0], shift[1], shift[2])).moved(array)
    kept, seen = (np.take(a, r, axis) for a, r in ((moved, range(SHAPE[axis] - 2)), (array, range(2, SHAPE[axis]))))
    assert np.allclose(kept, seen, atol=0.5)


def test_nothing_darker_or_brighter_than_the_volume_is_made(contrasts):
    _, array = contrasts(SHAPE)
    moved = constant((0.9, -0.7, 1.1)).moved(array)
    assert array.min() <= moved.min()
    assert moved.max() <= array.max()


def test_a_smooth_field_between_two_contrasts_is_found(contrasts, quick):
    random = np.random.default_rng(3)
    bends = [ndimage.gaussian_filter(random.standard_normal(SHAPE), (10, 10, 7)) for _ in range(3)]
    truth = np.stack([2.0 * bend / np.abs(bend).max() for bend in bends])
    # The CT shows at x what the MR shows at x + truth.
    (mr, _), (aligned, ct) = contrasts(SHAPE), contrasts(SHAPE, truth)
    found = register(ct, mr, ANYWHERE, SPACING, CPU)
    inner = (slice(None), *[slice(3, -3)] * 3)
    before, after = (np.median(np.abs(e[inner])) for e in (truth, found.displacement() - truth))
    assert after < 0.45 * before
    assert np.abs(found.moved(mr) - aligned).mean() < 0.5 * np.abs(mr - aligned).mean()


def test_the_same_pair_gives_the_same_field(contrasts, quick, monkeypatch):
    monkeypatch.setattr(free_form, "STEPS", 30)
    mr, ct = contrasts(SHAPE)
    one, other = (register(ct, mr, ANYWHERE, SPACING, CPU).control for _ in range(2))
    assert np.array_equal(one, other)
    assert one.any()
