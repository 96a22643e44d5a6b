from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from modality_translate.errors import DeviceMemoryError
from modality_translate.runtime import streams
from modality_translate.runtime.streams import Streams, streams_for


class Runs:
    """Doubles patches; notes how many of them come at once, and how many runs there are at a time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.now = self.most = 0
        self.guard = threading.Lock()

    def __call__(self, patches: np.ndarray) -> np.ndarray:
        with self.guard:
            self.sizes.append(len(patches))
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        with self.guard:
            self.now -= 1
        return patches * 2


PATCHES = np.arange(40, dtype=np.float32).reshape(5, 1, 2, 2, 2)


@pytest.mark.parametrize(("count", "sizes"), [(1, [5]), (2, [2, 3]), (9, [1] * 5)])
def test_a_batch_is_dealt_out_and_comes_back_in_order(count: int, sizes: list[int]):
    runs = Runs()
    np.testing.assert_array_equal(Streams(runs, count)(PATCHES), PATCHES * 2)
    assert sorted(runs.sizes) == sizes


def test_threads_that_share_it_run_no_more_at_a_time():
    runs = Runs()
    shared = Streams(runs, 2)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda k: shared(PATCHES + k), range(12)))
    assert all((answer == (PATCHES + k) * 2).all() for k, answer in enumerate(answers))
    assert runs.most == 2


@pytest.mark.parametrize("broken", [0, 4])
def test_what_fails_in_either_part_is_raised(broken: int):
    def run(patches: np.ndarray) -> np.ndarray:
        if (patches == PATCHES[broken]).all(axis=(1, 2, 3, 4)).any():
            raise DeviceMemoryError("cpu", "is full.", "")
        return patches

    shared = Streams(run, 2)
    with pytest.raises(DeviceMemoryError):
        shared(PATCHES)
    np.testing.assert_array_equal(shared(PATCHES[1:4]), PATCHES[1:4])


@pytest.mark.parametrize(
    ("batch", "threads", "cores", "wanted"),
    [(4, None, 8, 2), (4, None, 1, 1), (4, 1, 8, 1), (4, 2, 8, 2), (1, None, 8, 1), (2, 8, 1, 2)],
)
def test_large_patches_and_single_cores_have_one_stream(
    batch: int, threads: int | None, cores: int, wanted: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(streams, "whole_cores", lambda: cores)
    assert streams_for(batch, threads) == wanted
