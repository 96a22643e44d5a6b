"""Several volumes in hand, one engine: who computes, and how many volumes fit at once."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """The engine computes for `streams` volumes at a time; of those that wait, the one that came first goes next."""

    def __init__(self, streams: int = 1) -> None:
        self._changed = threading.Condition()
        self._waiting: list[int] = []
        self._free = self._streams = streams
        self._since = 0.0
        self.seconds = 0.0
        """How long the engine has computed so far, for however many volumes at a time."""

    @contextmanager
    def turn(self, place: int) -> Iterator[None]:
        """Wait for the engine, and have it. `place` orders the volumes; each waits in one thread at most."""
        with self._changed:
            heapq.heappush(self._waiting, place)
            self._changed.wait_for(lambda: self._free and self._waiting[0] == place)
            heapq.heappop(self._waiting)
            if self._free == self._streams:
                self._since = time.monotonic()
            self._free -= 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                if self._free == self._streams:
                    self.seconds += time.monotonic() - self._since
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
