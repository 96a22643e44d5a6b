"""Many volumes through one translator: the next is read and the last is written while one is computed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from modality_translate.errors import TranslationError
from modality_translate.runtime.plan import Job, OnExists, Plan
from modality_translate.runtime.report import Conversion, Outcome, Status
from modality_translate.runtime.translator import Translator
from modality_translate.volumes import Volume, read_volume, write_volume


class Watcher(Protocol):
    """Who wants to see how it goes. All calls come from the calling thread."""

    def started(self, name: str, position: int, total: int) -> None:
        """A volume is being computed; `position` counts from 1."""

    def patches(self, done: int, total: int) -> None:
        """Patches of the current volume."""

    def finished(self, name: str, status: Status, reason: str) -> None:
        """A volume has ended."""


@dataclass(frozen=True)
class Options:
    """How a folder is converted."""

    on_exists: OnExists = "error"
    force: bool = False
    """Convert also what lies outside the model's envelope; noted in the report and in the file."""
    frame: int | None = None
    """Which frame of 4D files is converted, counted from 0; without one such files fail."""


def convert_folder(translator: Translator, plan: Plan, options: Options, watcher: Watcher) -> Conversion:
    """Convert every job of `plan`; a volume that fails is reported and never stops the others.

    Raises `VolumeError` at once when an output is already there and `options.on_exists` is "error". An interrupt drops
    the volume in work and returns what was done, with `interrupted` set.
    """
    if options.on_exists == "error":
        plan.refuse_existing()
    begin = time.monotonic()
    outcomes: list[Outcome] = []
    interrupted = False
    try:
        for outcome in _outcomes(translator, plan, options, watcher):
            outcomes.append(outcome)
            watcher.finished(outcome.name, outcome.status, outcome.reason)
    except KeyboardInterrupt:
        interrupted = True
    engine = translator.engine
    return Conversion(
        model=translator.spec.name,
        sha256=translator.sha256,
        engine=engine.name,
        device=engine.device,
        note=engine.note,
        outcomes=tuple(outcomes),
        seconds=round(time.monotonic() - begin, 3),
        interrupted=interrupted,
    )


def _outcomes(translator: Translator, plan: Plan, options: Options, watcher: Watcher) -> Iterator[Outcome]:
    """One outcome per job, each as soon as its file is finished."""
    todo: list[Job] = []
    for job in plan.jobs:
        if options.on_exists == "skip" and job.target.exists():
            yield Outcome(job.name, _output_name(job, plan), "skipped", "the output is already there")
        else:
            todo.append(job)
    works = [_Work(translator, job, _output_name(job, plan), options) for job in todo]
    with ThreadPoolExecutor(1, "write") as writer:
        writing: Future[Outcome] | None = None
        try:
            for position, (work, reading) in enumerate(_read_ahead(works, options.frame), start=1):
                watcher.started(work.job.name, position, len(works))
                rest = work.compute(reading, watcher.patches)
                if writing is not None:
                    yield writing.result()
                writing = writer.submit(rest)
        finally:
            # Also after an interrupt: a file that is being written is finished and told.
            if writing is not None:
                yield writing.result()


def _read_ahead(works: list[_Work], frame: int | None) -> Iterator[tuple[_Work, Future[Volume]]]:
    """Each work with its volume, which is being read while the one before is computed."""
    read = partial(read_volume, frame=frame)
    with ThreadPoolExecutor(1, "read") as reader:
        ahead = reader.submit(read, works[0].job.source) if works else None
        for i, work in enumerate(works):
            reading = ahead
            ahead = reader.submit(read, works[i + 1].job.source) if i + 1 < len(works) else None
            assert reading is not None
            yield work, reading


@dataclass(frozen=True)
class _Work:
    """One job in hand."""

    translator: Translator
    job: Job
    output: str
    options: Options

    def compute(self, reading: Future[Volume], progress: Callable[[int, int], None]) -> Callable[[], Outcome]:
        """What is left to do: write the result, or tell the failure."""
        begin = time.monotonic()
        try:
            synthetic = self.translator.translate(reading.result(), force=self.options.force, progress=progress)
        except Exception as error:  # one bad volume never stops the others
            reason = _reason(error)
            return lambda: self._outcome(begin, "failed", reason)
        return lambda: self._write(synthetic, begin)

    def _write(self, synthetic: Volume, begin: float) -> Outcome:
        stored = self.translator.spec.target.stored
        description = self.translator.description(synthetic)
        overwrite = self.options.on_exists == "overwrite"
        try:
            self.job.target.parent.mkdir(parents=True, exist_ok=True)
            write_volume(self.job.target, synthetic, dtype=stored, description=description, overwrite=overwrite)
        except Exception as error:  # such as a full disk
            return self._outcome(begin, "failed", _reason(error))
        return self._outcome(begin, "converted", notes=synthetic.notes)

    def _outcome(self, begin: float, status: Status, reason: str = "", notes: tuple[str, ...] = ()) -> Outcome:
        seconds = round(time.monotonic() - begin, 3)
        return Outcome(self.job.name, self.output, status, reason, seconds, notes)


def _output_name(job: Job, plan: Plan) -> str:
    return job.target.relative_to(plan.folder).as_posix() if plan.folder else job.target.name


def _reason(error: Exception) -> str:
    """Why, without the folders of this machine."""
    if isinstance(error, TranslationError):
        return " ".join(part for part in (error.reason, error.remedy) if part)
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return f"{type(error).__name__}: {str(error)[:200]}"
