"""Several volumes in hand, one engine: who computes next, and how many volumes fit at once."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """The engine computes for one volume at a time; of those that wait, the one that came first goes next."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[int] = []
        self._busy = False
        self.seconds = 0.0
        """How long the engine has computed so far."""

    @contextmanager
    def turn(self, place: int) -> Iterator[None]:
        """Wait for the engine, and have it. `place` orders the volumes; each waits in one thread at most."""
        with self._changed:
            heapq.heappush(self._waiting, place)
            self._changed.wait_for(lambda: not self._busy and self._waiting[0] == place)
            heapq.heappop(self._waiting)
            self._busy = True
        begin = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                self.seconds += time.monotonic() - begin
                self._busy = False
                self._changed.notify_all()


class Room:
    """So many voxels may be in hand at once; a volume larger than that is in hand alone."""

    def __init__(self, voxels: int) -> None:
        self._voxels = voxels
        self._taken = 0
        self._changed = threading.Condition()

    @contextmanager
    def of(self, voxels: int) -> Iterator[bool]:
        """Wait until there is room for `voxels` more, and have it; never on disk."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + voxels <= self._voxels)
            self._taken += voxels
        try:
            yield False
        finally:
            with self._changed:
                self._taken -= voxels
                self._changed.notify_all()
