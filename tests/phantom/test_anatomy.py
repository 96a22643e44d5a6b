from __future__ import annotations

import numpy as np

from modality_translate.phantom.anatomy import Anatomy, averaged, finer
from modality_translate.phantom.tissues import Label
from modality_translate.volumes.volume import Grid


def test_the_fine_grid_fills_the_same_field_of_view() -> None:
    affine = np.diag([3.0, 3, 3, 1])
    affine[:3, 3] = 5, 6, 7
    fine = finer(Grid((4, 5, 6), affine))
    assert fine.shape == (8, 10, 12)
    np.testing.assert_allclose(fine.affine @ [0.5, 0.5, 0.5, 1], affine @ [0, 0, 0, 1])


def test_partial_volume_is_the_mean_of_the_fine_points() -> None:
    labels = np.zeros((4, 2, 2), np.uint8)
    labels[0, 0] = Label.BONE
    np.testing.assert_allclose(averaged(labels, {Label.AIR: -1000, Label.BONE: 1000}).ravel(), [-500, -1000])


def test_a_voxel_takes_its_most_frequent_label() -> None:
    labels = np.full((2, 2, 2), Label.GREY, np.uint8)
    labels[0, 0, 0] = Label.CSF
    anatomy = Anatomy(labels, np.zeros_like(labels))
    assert anatomy.voxel_labels().item() == Label.GREY


def test_each_modality_sees_its_own_lesions() -> None:
    healthy, diseased = np.full((2, 2, 2), Label.WHITE, np.uint8), np.full((2, 2, 2), Label.HOT, np.uint8)
    anatomy = Anatomy(healthy, diseased)
    assert (anatomy.seen("MR") == Label.WHITE).all()
    assert (anatomy.seen("CT") == Label.WHITE).all()
    assert (anatomy.seen("PET") == Label.HOT).all()
