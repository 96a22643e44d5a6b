"""onnxruntime's own places and bindings, on its CPU; recording needs a GPU, so a fake stands for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from modality_translate.errors import DeviceError, DeviceMemoryError
from modality_translate.runtime.model_file import read_model
from modality_translate.runtime.onnxruntime_session import CPU, new_session
from modality_translate.runtime.recorded import Recorded

from .fake_onnxruntime import CUDA, FakeRuntime, FakeSession

PATCHES = np.linspace(0, 1000, 3 * 8**3, dtype=np.float32).reshape(3, 1, 8, 8, 8)


def on_fake(**behaviour: Any) -> tuple[Recorded, FakeSession]:
    session = FakeSession(CUDA, **behaviour)
    return Recorded(FakeRuntime(), session, ("cuda", 0), (8, 8, 8), "model.onnx"), session


def test_real_sessions_answer_between_fixed_places(model: Path):
    read = read_model(model)
    session = new_session(onnxruntime, read.data, [CPU], 1, "model.onnx")
    recorded = Recorded(onnxruntime, session, ("cpu", 0), (8, 8, 8), "model.onnx")
    for number in (3, 1, 2, 3):
        patches = number * PATCHES[:number]
        (expected,) = session.run(None, {"source": patches})
        np.testing.assert_array_equal(recorded(patches), expected)
    # A view, as tilings cut them.
    np.testing.assert_allclose(recorded(PATCHES[:, :, ::-1]), recorded(np.ascontiguousarray(PATCHES[:, :, ::-1])))


def test_every_number_of_patches_is_recorded_once_and_replayed_where_it_was():
    recorded, session = on_fake()
    for number in (3, 2, 3, 2):
        np.testing.assert_array_equal(recorded(number * PATCHES[:number]), number * PATCHES[:number] + 1)
    assert set(session.recorded) == {"3", "2"}


def test_a_replay_of_the_recorded_patches_is_found_out():
    recorded, _ = on_fake(stale=True)
    with pytest.raises(DeviceError, match="cuda:0: replayed another answer"):
        recorded.check(PATCHES[:1])


def test_a_right_replay_passes():
    recorded, session = on_fake()
    recorded.check(PATCHES[:1])
    assert len(session.shapes) == 3


def test_too_many_patches_are_the_memory_s_fault():
    recorded, _ = on_fake(holds=2)
    with pytest.raises(DeviceMemoryError, match=r"model\.onnx: one patch does not fit"):
        recorded(PATCHES)
    np.testing.assert_array_equal(recorded(PATCHES[:2]), PATCHES[:2] + 1)
