"""Volumes handed to the workers of a dask cluster, on this machine or on many: who gets which, and what becomes of it.

Only so many volumes are handed out as are in hand at once, so that a million need no more of the scheduler than ten. A
volume whose worker is lost goes to another; the claim on its output and the journal see to it that none is made twice.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from queue import Empty, SimpleQueue
from typing import Any

from modality_translate.errors import DeviceError, MissingExtraError, TranslationError
from modality_translate.runtime.errand import Answer, Errand, Introduction, convert_volume, introduce, stop_run
from modality_translate.runtime.journal import Past
from modality_translate.runtime.lanes import GRACE_S, LANES, Watcher
from modality_translate.runtime.plan import Job
from modality_translate.runtime.report import Outcome
from modality_translate.runtime.stop import Stop
from modality_translate.runtime.work import outcome

_POLL_S = 0.2
_COUNT_S = 1.0
"""How often workers are counted: they may come and go."""
_WAIT_FOR_WORKERS_S = 60.0
_ANSWER_S = 60.0
"""For fetching an answer that is there: if its worker is lost this moment, the volume is looked at again elsewhere."""
_LOST = ("closing", "closed")
_KILLED = "its workers were lost again and again, as happens when a volume does not fit into their memory"
_SCHEDULER_LOST = "the scheduler was lost. Run again with --resume."
_SAME = "Install the same mtranslate on every worker."


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler at `address`. Raises `DeviceError` when nobody answers there."""
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DeviceError(address, f"is no scheduler that answers ({error}).", "Give its address as dask prints it, "
                          "such as tcp://node1:8786.") from error  # fmt: skip
    with client:
        yield client


@contextmanager
def local_workers(count: int) -> Iterator[Any]:
    """A client of `count` fresh worker processes on this machine, which end with it."""
    distributed = _distributed()
    # After a stop this process ends without taking leave of Python's tracker of semaphores, which would complain.
    os.environ.setdefault("PYTHONWARNINGS", "ignore::UserWarning:multiprocessing.resource_tracker")
    settings = {
        "n_workers": count,
        "threads_per_worker": LANES,
        "dashboard_address": None,
        # No limit of dask's: it would kill workers in the middle of large volumes.
        "memory_limit": 0,
        "silence_logs": "CRITICAL",
        "preload": ["modality_translate.runtime.errand"],
    }
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        yield client


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        remedy = "pip install 'modality-translate[cluster]'"
        raise MissingExtraError("dask.distributed", "is not installed; it runs the workers.", remedy) from error
    # What goes wrong is told by our own outcomes and errors, not by tracebacks of dask's.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    return distributed


def introduced(client: Any, errand: Errand, stop: Stop) -> list[Introduction]:
    """Load the model on every worker, so that what keeps one from its work is told before it begins.

    Raises what `Translator.load` raises, and `DeviceError` where there is no worker, or one of another mtranslate.
    """
    futures = [
        client.submit(introduce, errand, workers=[worker], key=f"introduce-{errand.run}-{worker}")
        for worker in _workers(client, stop)
    ]
    while not stop.asked and not all(future.done() for future in futures):
        stop.wait(_POLL_S / 4)
    try:
        found: list[Introduction] = [] if stop.asked else client.gather(futures)
    except TranslationError:
        raise
    except Exception as error:  # whatever a foreign machine makes of it
        reason = f"has a worker that cannot begin ({_words(error)})."
        raise DeviceError(client.scheduler.address, reason, _SAME) from error
    for one in found:
        if one.version != version("modality-translate"):
            raise DeviceError(one.host, f"has mtranslate {one.version}, not {version('modality-translate')}.", _SAME)
    return found


def _workers(client: Any, stop: Stop) -> list[str]:
    """Addresses of all workers; waits for the first one."""
    end = time.monotonic() + _WAIT_FOR_WORKERS_S
    while not (workers := list(client.nthreads())) and not stop.asked:
        if time.monotonic() > end:
            reason = f"has had no worker for {_WAIT_FOR_WORKERS_S:.0f} s."
            raise DeviceError(client.scheduler.address, reason, "Start some.")
        stop.wait(_POLL_S)
    return workers


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"


@dataclass
class Cluster:
    """The volumes of one run, and who computes them."""

    client: Any
    errand: Errand
    jobs: Sequence[Job]
    past: Past
    watcher: Watcher
    stop: Stop
    engine_seconds: dict[str, float] = field(default_factory=dict)
    """What each worker process has said last of its engine."""
    _done: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    _futures: dict[str, Any] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)
    """Of the volumes handed out, by key."""
    _seats: int = 1
    _counted: float = -math.inf

    def __post_init__(self) -> None:
        self._rest = deque(range(len(self.jobs)))
        """Places of the volumes not handed out yet."""

    def outcomes(self) -> Generator[Outcome]:
        """Outcomes as they come, in no fixed order; after a stop only those of volumes that could be finished."""
        end = math.inf
        try:
            while (self._futures or self._rest) and time.monotonic() < end:
                if self.client.status in _LOST:
                    yield from self._lost()
                    return
                if not self.stop.asked:
                    self._hand_out()
                if (future := self._receive()) is not None and (found := self._result(future)) is not None:
                    yield found
                if self.stop.asked and end == math.inf:
                    end = time.monotonic() + GRACE_S
                    self._rest.clear()
                    # In a thread of its own, as a worker may be out of reach just then.
                    threading.Thread(target=self._stop_workers, daemon=True).start()
        finally:
            # Also when whoever watches fails: nothing goes on behind the caller's back.
            if self.client.status not in _LOST:
                self.client.cancel(list(self._futures.values()))

    def _stop_workers(self) -> None:
        self.client.run(stop_run, self.errand.run, on_error="ignore")

    def _hand_out(self) -> None:
        """As many volumes as there are seats."""
        while self._rest and len(self._futures) < self._counted_seats():
            place = self._rest.popleft()
            job, key = self.jobs[place], f"convert-{self.errand.run}-{place}"
            future = self.client.submit(convert_volume, self.errand, job, place, self.past.of(job.output), key=key)
            self._places[key], self._futures[key] = place, future
            future.add_done_callback(self._done.put)
            self.watcher.started(job.name, place + 1, len(self.jobs))

    def _counted_seats(self) -> int:
        """Enough for each worker to read, compute and write at the same time; workers may come and go."""
        if time.monotonic() > self._counted + _COUNT_S:
            self._counted = time.monotonic()
            with suppress(OSError):  # the connection is lost, perhaps for a moment
                threads: dict[str, int] = self.client.nthreads()
                self._seats = max(1, sum(min(LANES, n) for n in threads.values()))
        return self._seats

    def _receive(self) -> Any:
        try:
            return self._done.get(timeout=_POLL_S)
        except Empty:
            return None
        except KeyboardInterrupt:
            self.stop.ask()
            return None

    def _result(self, future: Any) -> Outcome | None:
        """What a worker says of its volume, or what is to be said of a volume that no worker could do."""
        del self._futures[future.key]
        job = self.jobs[self._places.pop(future.key)]
        try:
            answer: Answer = future.result(timeout=_ANSWER_S)
        except Exception as error:  # whatever a worker's end looks like, the other volumes go on
            killed = type(error).__name__ == "KilledWorker"
            return outcome(job, "failed", _KILLED if killed else _words(error))
        self.engine_seconds[answer.process] = answer.engine_seconds
        return answer.outcome

    def _lost(self) -> Iterator[Outcome]:
        """All that is not done, once nobody is left to do it."""
        places = [self._places[key] for key in self._futures] + list(self._rest)
        self._futures.clear()
        self._rest.clear()
        return (outcome(self.jobs[place], "failed", _SCHEDULER_LOST) for place in places)
