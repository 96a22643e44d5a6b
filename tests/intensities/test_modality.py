from __future__ import annotations

import pytest

from modality_translate.intensities import DEFAULT_SCALINGS, MODALITIES


@pytest.mark.parametrize("name", sorted(MODALITIES))
def test_every_modality_is_complete(name):
    modality = MODALITIES[name]
    assert modality.name == name
    assert modality.display[0] < modality.display[1]
    assert name in DEFAULT_SCALINGS


@pytest.mark.parametrize("name", ["CT", "PET"])
def test_air_lies_within_the_default_scaling(name):
    low, high = DEFAULT_SCALINGS[name].range
    assert low <= MODALITIES[name].background <= high
