import numpy as np
import pytest

from modality_translate.intensities.units import strange_values


@pytest.fixture
def ct():
    """Air around soft tissue, with bone in it."""
    array = np.full((20, 20, 20), -1000, np.float32)
    array[4:16, 4:16, 4:16] = 40
    array[8:12, 8:12, 8:12] = 700
    return array


def test_values_that_fit_are_not_spoken_of(ct):
    assert strange_values(ct, "CT") is None
    assert strange_values((ct + 1000) / 200, "PET") is None
    assert strange_values(ct + 1000, "MR") is None


@pytest.mark.parametrize(
    ("modality", "change", "told"),
    [
        ("CT", lambda a: a + 1024, "stored with an offset"),
        ("CT", lambda a: a - 1024, "stored with an offset"),
        ("PET", lambda a: (a + 1000) * 20, "not SUV"),
        ("PET", lambda a: a, "expected is PET, but the values look like CT"),
        ("MR", lambda a: a, "expected is MR, but the values look like CT"),
    ],
)
def test_what_does_not_fit_is_told(ct, modality, change, told):
    assert told in str(strange_values(change(ct), modality))
