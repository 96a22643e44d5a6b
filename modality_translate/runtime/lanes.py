"""Several volumes in hand at once: while the engine computes for one, others are read, prepared, restored and written.

Each lane takes a volume from its file to its result. Where the engine computes for one volume at a time, it goes to the
one that began first, so a lane that cuts, blends, reads or writes leaves it to the next.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from queue import Empty, SimpleQueue
from typing import Protocol

from modality_translate.runtime.plan import Job
from modality_translate.runtime.report import Outcome, Status
from modality_translate.runtime.stop import Interrupted
from modality_translate.runtime.work import Work

LANES = 3
"""One reads, one computes, one writes; the engine is rarely without work, and memory holds no fourth volume."""
CPU_LANES = 2
"""Reading and writing take the cores that compute: a third volume takes much memory and brings little."""
GRACE_S = 3.5
"""After a stop: for volumes that are being written, and for the batch in the engine."""
_POLL_S = 0.2
_DONE = object()
"""What a lane says last."""

Told = Callable[["Watcher"], None]


class Watcher(Protocol):
    """Who wants to see how it goes. All calls come from the calling thread."""

    def started(self, name: str, position: int, total: int) -> None:
        """A volume is being computed, or handed to a worker; `position` counts from 1."""

    def patches(self, done: int, total: int) -> None:
        """Patches of the volume started last."""

    def waiting(self, name: str, holder: str) -> None:
        """Nothing is left but volumes that other runs have in hand, such as this one."""

    def finished(self, name: str, status: Status, reason: str) -> None:
        """A volume has ended."""


class Lanes:
    """The lanes of one process."""

    def __init__(self, work: Work, jobs: Sequence[Job], watcher: Watcher) -> None:
        self._work, self._jobs, self._watcher = work, jobs, watcher
        self._next, self._shown = 0, -1
        self._left: deque[int] = deque()
        self._in_hand: set[int] = set()
        self._guard = threading.Lock()
        self._told: SimpleQueue[Outcome | Told | object] = SimpleQueue()

    def outcomes(self) -> Generator[Outcome]:
        """Outcomes as they come, in no fixed order; after a stop only those of volumes that could be finished."""
        most = CPU_LANES if self._work.translator.engine.device == "cpu" else LANES
        lanes = [threading.Thread(target=self._lane, daemon=True) for _ in range(min(most, len(self._jobs)))]
        for lane in lanes:
            lane.start()
        stop, running, end = self._work.stop, len(lanes), math.inf
        try:
            while running and time.monotonic() < end:
                told = self._receive()
                running -= told is _DONE
                if isinstance(told, Outcome):
                    yield told
                if stop.asked:
                    end = min(end, time.monotonic() + GRACE_S)
        finally:
            # Also when whoever watches fails: nothing goes on behind the caller's back.
            if running:
                stop.ask()
            for lane in lanes:
                lane.join(max(0.0, min(GRACE_S, end - time.monotonic())))

    def _receive(self) -> Outcome | object:
        """What a lane says next; what is only for the watcher is passed on."""
        try:
            told = self._told.get(timeout=_POLL_S)
            if not callable(told):
                return told
            told(self._watcher)
        except Empty:
            pass
        except KeyboardInterrupt:
            self._work.stop.ask()
        return None

    def _lane(self) -> None:
        try:
            while (place := self._take()) is not None:
                self._convert(place)
        except Interrupted:
            pass
        finally:
            self._told.put(_DONE)

    def _take(self) -> int | None:
        """The next volume; when there is none, one that another run had in hand, as soon as that is done with it."""
        self._work.stop.check()
        with self._guard:
            if self._next < len(self._jobs):
                self._next += 1
                return self._next - 1
            place = self._left.popleft() if self._left else None
        if place is not None:
            job = self._jobs[place]
            name, holder = job.name, self._work.holder(job)
            self._told.put(lambda watcher: watcher.waiting(name, holder))
            self._work.wait_for(job)
        return place

    def _convert(self, place: int) -> None:
        job = self._jobs[place]
        with self._guard:
            self._in_hand.add(place)
        try:
            found = self._work.convert(job, place, lambda done, total: self._patches(place, done, total))
        finally:
            with self._guard:
                self._in_hand.discard(place)
        if found is None:
            with self._guard:
                self._left.append(place)
        else:
            self._told.put(found)

    def _patches(self, place: int, done: int, total: int) -> None:
        with self._guard:
            if place != min(self._in_hand):
                return
            fresh, self._shown = place != self._shown, place
        if fresh:
            name, all_of_them = self._jobs[place].name, len(self._jobs)
            self._told.put(lambda watcher: watcher.started(name, place + 1, all_of_them))
        self._told.put(lambda watcher: watcher.patches(done, total))
