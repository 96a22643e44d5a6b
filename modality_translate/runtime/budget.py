"""A limit on memory that is kept: volumes wait until they fit beside those in hand; large ones stay on disk."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from modality_translate.errors import RecipeError, VolumeError
from modality_translate.pipeline.memory import streamed_bytes, working_bytes
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime.engine import Engine
from modality_translate.volumes import read_header

GIGA = 1e9


class Budget:
    """Bytes for the volumes that one process has in hand: what `limit` leaves once the model is loaded and warm."""

    def __init__(self, limit: float, spec: Spec, bare: float) -> None:
        self._limit, self._spec = limit, spec
        self._room = limit - bare
        self._taken = 0
        self._changed = threading.Condition()
        if self._room <= 0:
            raise RecipeError(
                "--memory",
                f"{limit / GIGA:.2f} GB is less than the program and this model take alone, {bare / GIGA:.2f} GB.",
                "Allow more.",
            )

    @contextmanager
    def of(self, source: Path) -> Iterator[bool]:
        """The memory for translating the file `source`, as soon as it is free; given back at the end.

        Gives whether the volume's arrays must lie on disk, as memory never holds them. Raises `VolumeError` for a
        volume that can never fit even so, and for a header that cannot be read.
        """
        grid = read_header(source).grid
        wanted = working_bytes(grid, self._spec)
        streamed = wanted > self._room
        if streamed:
            wanted = streamed_bytes(grid, self._spec)
        if wanted > self._room:
            least = (self._limit - self._room + wanted) / GIGA
            reason = (
                f"takes up to {least:.2f} GB with the program and the model, although its voxels would stay on disk; "
                f"{self._limit / GIGA:.2f} GB are allowed."
            )
            raise VolumeError(source, reason, "Allow more with --memory, or crop it.")
        with self._changed:
            self._changed.wait_for(lambda: self._taken + wanted <= self._room)
            self._taken += wanted
        try:
            yield streamed
        finally:
            with self._changed:
                self._taken -= wanted
                self._changed.notify_all()


def budget_of(limit: float | None, engine: Engine, spec: Spec) -> Budget | None:
    """The budget that `limit` bytes for the whole process leave; none without a limit. Raises `RecipeError`."""
    return None if limit is None else Budget(limit, spec, warm_bytes(engine, spec))


def warm_bytes(engine: Engine, spec: Spec) -> float:
    """The most this process has taken so far, after one full batch of air."""
    air = np.full((engine.batch, 1, *spec.tiling.patch), spec.source.background, np.float32)
    engine.predict(air)
    return peak_bytes()


def peak_bytes() -> float:
    """Largest resident memory of this process, in bytes; 0 where the system does not tell (Windows)."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(1024.0 * int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line)
    if sys.platform == "win32":
        return 0.0
    import resource

    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # bytes on macOS
