"""Batches that shrink when the device's memory runs out."""

from __future__ import annotations

import numpy as np

from modality_translate.errors import DeviceMemoryError
from modality_translate.runtime.engine import Array, Predict


class Halving:
    """A `Predict` that runs at most `size` patches at once, and half as many each time memory runs out, down to one.

    With `fill`, each run gets exactly `size` patches (zeros make up the rest), so that shapes stay the same. Once
    smaller, it stays so: what did not fit once will not fit again. Threads may share it.
    """

    def __init__(self, run: Predict, size: int, *, fill: bool) -> None:
        self._run, self._fill = run, fill
        self._first = self.size = size

    def __call__(self, patches: Array) -> Array:
        """Raises `DeviceMemoryError` when not even one patch fits."""
        done: list[Array] = []
        begin = 0
        while begin < len(patches):
            size = self.size
            try:
                done.append(self._group(patches[begin : begin + size], size))
            except DeviceMemoryError:
                if size == 1:
                    raise
                self.size = min(self.size, size // 2)
            else:
                begin += size
        return done[0] if len(done) == 1 else np.concatenate(done)

    @property
    def note(self) -> str:
        """What there is to say about it, once it had to shrink."""
        if self.size == self._first:
            return ""
        return f"The device's memory holds {self.size} patches at once, not {self._first}."

    def _group(self, patches: Array, size: int) -> Array:
        n = len(patches)
        if self._fill and n < size:
            patches = np.concatenate([patches, np.zeros((size - n, *patches.shape[1:]), np.float32)])
        return self._run(patches)[:n]
