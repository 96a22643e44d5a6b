"""The largest component is that of scipy's labels, however the mask is cut into slabs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from modality_translate.intensities import components
from modality_translate.intensities.components import largest_component
from modality_translate.intensities.foreground import _closed


def by_scipy(mask):
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    return labels, sizes


@given(st.permutations(range(3)), st.integers(0, 2**32 - 1), st.floats(0, 1), st.sampled_from([1, 40, 200, 10_000]))
@settings(deadline=None, max_examples=300)
def test_as_labelled_whole(order, seed, share, voxels):
    mask = (np.random.default_rng(seed).uniform(size=(9, 8, 7)) < share).transpose(order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(components, "LABELLED", voxels)
        found = largest_component(mask)
    labels, sizes = by_scipy(mask)
    if len(sizes) <= 1:
        assert found is mask
        return
    kept = np.unique(labels[found])
    assert kept.size == 1
    assert kept[0] > 0
    assert found.sum() == (labels == kept[0]).sum() == sizes.max()


@pytest.mark.parametrize("voxels", [1, 7 * 11, 10_000])
def test_a_horseshoe_whose_arms_meet_in_the_last_slab_is_one(monkeypatch, voxels):
    monkeypatch.setattr(components, "LABELLED", voxels)
    mask = np.zeros((20, 7, 11), np.bool_)
    mask[:, 1, 2] = mask[:, 5, 8] = mask[19, 1:6, 2:9] = True
    speck = (0, 3, 5)
    mask[speck] = True
    found = largest_component(mask)
    assert not found[speck]
    mask[speck] = False
    np.testing.assert_array_equal(found, mask)


@given(st.permutations(range(3)), st.integers(0, 2**32 - 1), st.tuples(*[st.sampled_from([0.7, 1.0, 2.9, 9.0])] * 3))
@settings(deadline=None, max_examples=60)
def test_masks_closed_by_slabs_are_those_closed_whole(order, seed, spacing):
    mask = (np.random.default_rng(seed).uniform(size=(17, 14, 11)) < 0.1).transpose(order)
    with pytest.MonkeyPatch.context() as patch:
        whole = _closed(mask, spacing)
        patch.setitem(_closed.__globals__, "MASK_VOXELS", 300)
        np.testing.assert_array_equal(_closed(mask, spacing), whole)
