"""The next batches are made on one background thread while the network works on the last one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

T = TypeVar("T")
AHEAD = 2
END = StopIteration()
PATIENCE_S = 0.1


def prefetch(make: Callable[[int], T], steps: Iterable[int]) -> Generator[T, None, None]:
    """`make(step)` for each step in order, computed up to `AHEAD` items early.

    An exception of `make` is raised where its item would have come. Closing the iterator ends the thread.
    """
    ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(AHEAD)
    stop = threading.Event()

    def put(item: T | None, error: BaseException | None) -> None:
        while not stop.is_set():
            try:
                ready.put((item, error), timeout=PATIENCE_S)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for step in steps:
                if stop.is_set():
                    return
                put(make(step), None)
            put(None, END)
        except BaseException as error:
            put(None, error)

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is END:
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()
