"""`mtranslate train --devices N`: one process per device, all watched by the one that the user started."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import click

from modality_translate.errors import LostProcessError

WORKERS = "MTRANSLATE_WORKERS"
"""In a worker's environment: how many there are."""
STARTED_BY_OTHERS = ("TORCHELASTIC_RUN_ID", "SLURM_STEP_NUM_TASKS", WORKERS)
INTERRUPTED, LOST = 130, 75
"""Exit codes of a worker that was asked to stop, and of one that another worker was lost to."""
GRACE_S, POLL_S = 10.0, 0.1
"""What a failed worker's siblings get to end by themselves, and how often is looked."""


@dataclass(frozen=True)
class Worker:
    """One process of a training, and the file that takes its stderr (the first one's goes to the terminal)."""

    rank: int
    process: subprocess.Popen[bytes]
    told: Path

    @property
    def failed(self) -> bool:
        return self.process.poll() not in (None, 0, INTERRUPTED)


def start_workers(devices: int | None) -> bool:
    """Whether this process is to start others, as neither torchrun nor srun nor this command has done it."""
    return (devices or 1) > 1 and not any(name in os.environ for name in STARTED_BY_OTHERS)


def run_workers(count: int, output: Path) -> int:
    """Run this very command in `count` processes; the exit code of the training.

    Raises `LostProcessError` when one of them is killed; the others are ended then.
    """
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        workers = [_start(rank, count, port, Path(folder)) for rank in range(count)]
        with _signals_passed_to(workers):
            ended = _watch(workers)
        return _verdict(ended, workers, output)


def stop_without_parent() -> None:
    """In a worker: end the training, saved as after Ctrl-C, when the process that watches it is gone."""

    def wait() -> None:
        # The parent never writes; its end closes the pipe.
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    if WORKERS in os.environ:
        threading.Thread(target=wait, name="parent", daemon=True).start()


def _start(rank: int, count: int, port: int, folder: Path) -> Worker:
    threads = max(1, (os.cpu_count() or 1) // count)
    place = {"LOCAL_RANK": rank, "NODE_RANK": 0, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, WORKERS: count}
    environment = {"OMP_NUM_THREADS": str(threads), **os.environ, **{key: str(value) for key, value in place.items()}}
    told = folder / f"{rank}"
    with told.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "modality_translate", *sys.argv[1:]],
            env=environment,
            stdin=subprocess.PIPE,
            stderr=file if rank else None,
            # Ctrl-C reaches the parent alone, which passes it on once.
            start_new_session=True,
        )
    return Worker(rank, process, told)


def _watch(workers: list[Worker]) -> dict[int, int]:
    """Wait for all; after a failure only a while. Exit codes by rank of those that ended by themselves."""
    while any(worker.process.poll() is None for worker in workers) and not any(worker.failed for worker in workers):
        time.sleep(POLL_S)
    end = time.monotonic() + GRACE_S
    while any(worker.process.poll() is None for worker in workers) and time.monotonic() < end:
        time.sleep(POLL_S)
    ended = {w.rank: code for w in workers if (code := w.process.poll()) is not None}
    for worker in workers:
        worker.process.kill()
        worker.process.communicate()
    return ended


def _verdict(ended: dict[int, int], workers: list[Worker], output: Path) -> int:
    for rank, code in ended.items():
        if code < 0:
            reason = f"was killed ({signal.Signals(-code).name}), which ended the training."
            again = f"mtranslate train -o {shlex.quote(str(output))} --resume --devices {len(workers)}"
            remedy = f"What was saved before is whole; go on with: {again}"
            raise LostProcessError(f"process {rank} of {len(workers)}", reason, remedy)
    own = {rank: code for rank, code in ended.items() if code not in (0, INTERRUPTED, LOST)}
    if own and 0 not in own:
        rank = min(own)
        lines = workers[rank].told.read_text("utf-8", "replace").strip().splitlines()
        click.echo(lines[-1] if lines else f"Error: process {rank} ended with exit code {own[rank]}.", err=True)
    return own[min(own)] if own else max(ended.values())


@contextmanager
def _signals_passed_to(workers: list[Worker]) -> Iterator[None]:
    def pass_on(number: int, _frame: FrameType | None) -> None:
        for worker in workers:
            worker.process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port: int = place.getsockname()[1]
        return port
