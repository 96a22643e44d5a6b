"""The cores shared by several runs of a network, instead of one run on all of them.

Threads of one run wait for each other at every layer, and the slowest is one whose core also reads or writes a volume.
Runs on cores of their own meet at the end of a batch only: a sixth of a folder's time is won (benchmarks/RESULTS.md).
"""

from __future__ import annotations

from concurrent.futures import Future
from threading import Semaphore, Thread

import numpy as np

from modality_translate.runtime.cores import whole_cores
from modality_translate.runtime.engine import Array, Predict

STREAMS = 2
"""As many as volumes in hand; more would each have their own activations in memory."""


def streams_for(batch: int, threads: int | None) -> int:
    """How many runs share the CPU: one where there is one core, or where patches are so large that they go one by one.

    `threads` as asked for; none is all cores.
    """
    return STREAMS if min(batch, threads or whole_cores()) >= STREAMS else 1


class Streams:
    """A `Predict` that deals a batch out to `count` runs at a time, over all threads that share it."""

    def __init__(self, run: Predict, count: int) -> None:
        self._run, self._count = run, count
        self._free = Semaphore(count)

    def __call__(self, patches: Array) -> Array:
        first, *others = np.array_split(patches, min(self._count, len(patches)))
        begun = [self._begun(part) for part in others]
        answers = [self._in_turn(first), *(future.result() for future in begun)]
        return answers[0] if len(answers) == 1 else np.concatenate(answers)

    def _begun(self, patches: Array) -> Future[Array]:
        """In a daemon, as a pool's threads would keep a process that is to end waiting for their batch."""
        future: Future[Array] = Future()
        Thread(target=self._settle, args=(future, patches), daemon=True).start()
        return future

    def _settle(self, future: Future[Array], patches: Array) -> None:
        try:
            future.set_result(self._in_turn(patches))
        except BaseException as error:  # raised where it is waited for
            future.set_exception(error)

    def _in_turn(self, patches: Array) -> Array:
        with self._free:
            return self._run(patches)
