"""What a worker process is told and does: the model is loaded once and kept, and volumes come one by one."""

from __future__ import annotations

import secrets
import signal
import socket
import threading
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from modality_translate.errors import ModelError
from modality_translate.runtime.allocator import return_large_blocks
from modality_translate.runtime.budget import budget_of
from modality_translate.runtime.cores import usable_cores
from modality_translate.runtime.engine_choice import EngineName
from modality_translate.runtime.journal import Journal, Past
from modality_translate.runtime.plan import Job
from modality_translate.runtime.report import Outcome
from modality_translate.runtime.stop import Interrupted, Stop
from modality_translate.runtime.translator import Translator
from modality_translate.runtime.turns import Turns
from modality_translate.runtime.work import Options, Work


@dataclass(frozen=True)
class Loading:
    """How a translator is loaded; see `Translator.load`."""

    model: str
    device: str = "auto"
    threads: int | None = None
    overlap: float | None = None
    trusted: bool = False
    engine: EngineName = "auto"

    def load(self) -> Translator:
        """Raises what `Translator.load` raises."""
        return Translator.load(
            self.model,
            device=self.device,
            threads=self.threads,
            overlap=self.overlap,
            trusted=self.trusted,
            engine=self.engine,
        )

    def elsewhere(self) -> Loading:
        """The same, whatever folder a process works in. A shipped model keeps its name: each machine has its own."""
        path = Path(self.model)
        return replace(self, model=str(path.absolute())) if path.exists() else self

    def shared(self, workers: int) -> Loading:
        """For one of so many workers on this machine, which share its cores or the threads asked for."""
        return replace(self.elsewhere(), threads=max(1, (self.threads or usable_cores()) // workers))


@dataclass(frozen=True)
class Errand:
    """One run, as its workers need to know it. Paths mean the same on all machines."""

    run: str
    loading: Loading
    sha256: str
    """Of the model, so that no worker takes another file of that name."""
    options: Options
    base: Path
    journal: bool


@dataclass(frozen=True)
class Introduction:
    """What a worker says of itself once its model is loaded."""

    host: str
    version: str
    engine: str
    device: str
    note: str


@dataclass(frozen=True)
class Answer:
    """What a worker says of one volume; no outcome when the run was to end."""

    outcome: Outcome | None
    process: str
    engine_seconds: float
    """Of the whole process so far, in this run."""


_PROCESS = secrets.token_hex(8)
_GUARD = threading.Lock()
_loaded: dict[Loading, Translator] = {}
_works: dict[str, Work] = {}


def dask_setup(_worker: Any) -> None:
    """Called by dask in workers that preload this module: Ctrl-C is for the process that started them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return_large_blocks()


def introduce(errand: Errand) -> Introduction:
    """Load the model of `errand`, unless that is done. Raises what `Translator.load` raises."""
    engine = _work(errand).translator.engine
    return Introduction(socket.gethostname(), version("modality-translate"), engine.name, engine.device, engine.note)


def convert_volume(errand: Errand, job: Job, place: int, past: Past) -> Answer:
    """Convert one volume, as soon as no other run has it in hand; `past` is what was noted of it."""
    work = replace(_work(errand), past=past)
    try:
        while (found := work.convert(job, place, _nobody_watches)) is None:
            work.wait_for(job)
    except Interrupted:
        found = None
    return Answer(found, _PROCESS, work.turns.seconds)


def stop_run(run: str) -> None:
    """Let this process end its part of a run: what is being written is finished, the rest given up."""
    if run in _works:
        _works[run].stop.ask()


def _work(errand: Errand) -> Work:
    """What all volumes of a run share in this process."""
    with _GUARD:
        if errand.run not in _works:
            _works.clear()
            translator = _translator(errand)
            journal = Journal(errand.base, errand.run) if errand.journal else None
            budget = budget_of(errand.options.memory, translator.engine, translator.spec)
            turns, options = Turns(translator.engine.streams), errand.options
            _works[errand.run] = Work(
                translator, options, errand.base, errand.run, Stop(), journal, budget=budget, turns=turns
            )
        return _works[errand.run]


def _translator(errand: Errand) -> Translator:
    """Kept from run to run, as long as the same is wanted."""
    from distributed import get_worker

    # As many threads as dask counts for this worker, unless they are given.
    loading = replace(errand.loading, threads=errand.loading.threads or get_worker().state.nthreads)
    kept = _loaded.get(loading)
    if kept is None or kept.sha256 != errand.sha256:
        _loaded.clear()
        kept = loading.load()
        if kept.sha256 != errand.sha256:
            raise ModelError(loading.model, f"is another file on {socket.gethostname()}.", "Copy it there.")
        _loaded[loading] = kept
    return kept


def _nobody_watches(_done: int, _total: int) -> None:
    """The client is told of whole volumes only."""
