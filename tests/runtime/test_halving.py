from __future__ import annotations

import numpy as np
import pytest

from modality_translate.errors import DeviceMemoryError, ModelError
from modality_translate.runtime.engine import Array
from modality_translate.runtime.halving import Halving

PATCHES = np.arange(11, dtype=np.float32).reshape(11, 1, 1, 1, 1)


class Device:
    """Adds 1 to as many patches as it `holds`; remembers how many each run that worked had."""

    def __init__(self, holds: int) -> None:
        self.holds = holds
        self.sizes: list[int] = []

    def __call__(self, patches: Array) -> Array:
        if len(patches) > self.holds:
            raise DeviceMemoryError("model.onnx", "one patch does not fit into memory (no).")
        self.sizes.append(len(patches))
        return patches + 1


@pytest.mark.parametrize("holds", [1, 2, 3, 7, 8, 100])
@pytest.mark.parametrize("fill", [True, False])
def test_every_patch_is_answered_once_and_in_order(holds: int, fill: bool):
    np.testing.assert_array_equal(Halving(Device(holds), 8, fill=fill)(PATCHES), PATCHES + 1)


def test_what_did_not_fit_is_not_tried_again():
    device = Device(holds=3)
    predict = Halving(device, 8, fill=True)
    predict(PATCHES)
    predict(PATCHES[:1])
    assert set(device.sizes) == {2}
    assert predict.note == "The device's memory holds 2 patches at once, not 8."


def test_while_memory_suffices_there_is_nothing_to_say():
    predict = Halving(Device(holds=8), 8, fill=False)
    predict(PATCHES)
    assert predict.note == ""


def test_less_than_one_patch_is_the_devices_error():
    with pytest.raises(DeviceMemoryError, match="does not fit"):
        Halving(Device(holds=0), 8, fill=True)(PATCHES)


def test_other_errors_pass_at_once():
    def broken(patches: Array) -> Array:
        raise ModelError("model.onnx", "cannot be run (no).")

    predict = Halving(broken, 8, fill=False)
    with pytest.raises(ModelError, match="cannot be run"):
        predict(PATCHES)
    assert predict.size == 8
