"""One volume from file to file: claimed, read, translated, written, noted. Every lane and every worker does this."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from modality_translate.errors import TranslationError, VolumeError
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime.budget import Budget
from modality_translate.runtime.claims import holder, take
from modality_translate.runtime.journal import Journal, Made, Past, digest, read_past
from modality_translate.runtime.plan import Job, OnExists, seen
from modality_translate.runtime.report import Outcome, Status
from modality_translate.runtime.stop import Interrupted, Stop
from modality_translate.runtime.translator import Translator
from modality_translate.runtime.turns import Room, Turns
from modality_translate.volumes import Volume, read_header, read_volume, write_volume
from modality_translate.volumes.volume import Array

VOXELS_IN_HAND = 100_000_000
"""Together, of all volumes that one process has in hand: at most 1.6 GB of arrays."""
STREAMED = "too large for the memory allowed: its voxels were kept in nameless files beside the output meanwhile"
_POLL_S = 0.2


@dataclass(frozen=True)
class Options:
    """How a folder is converted."""

    on_exists: OnExists = "error"
    force: bool = False
    """Convert also what lies outside the model's envelope; noted in the report and in the file."""
    frame: int | None = None
    """Which frame of 4D files is converted, counted from 0; without one such files fail."""
    resume: bool = False
    """Keep what the journals prove finished; `on_exists` then speaks of outputs that no journal knows."""
    memory: float | None = None
    """Bytes that each process may take; volumes wait for room; one that never fits lies in files. None: no limit."""


@dataclass(frozen=True)
class Work:
    """What the volumes of a run have in common, in one process."""

    translator: Translator
    options: Options
    base: Path
    """The output folder."""
    run: str
    stop: Stop
    journal: Journal | None = None
    past: Past = field(default_factory=Past)
    budget: Budget | None = None
    turns: Turns = field(default_factory=Turns)
    room: Room = field(default_factory=lambda: Room(VOXELS_IN_HAND))

    def convert(self, job: Job, place: int, progress: Callable[[int, int], None]) -> Outcome | None:
        """What became of `job`; none when another run has it in hand. `place` is its rank for the engine.

        Raises `Interrupted` when the run is to end; nothing is written of this volume then.
        """
        begin = time.monotonic()
        try:
            claim = take(self.base, job.output)
            if claim is None:
                return None
            with claim:
                found = self._settled(job) or self._translated(job, place, progress)
        except Interrupted:
            raise
        except Exception as error:  # one bad volume never stops the others
            found = outcome(job, "failed", reason_of(error))
        return replace(found, seconds=round(time.monotonic() - begin, 3))

    def wait_for(self, job: Job) -> None:
        """Return when nobody else has `job` in hand. Raises `Interrupted` when the run is to end."""
        while self.is_taken(job):
            self.stop.wait(_POLL_S)
            self.stop.check()

    def is_taken(self, job: Job) -> bool:
        """Whether another run has `job` in hand."""
        try:
            claim = take(self.base, job.output)
        except VolumeError:  # `convert` will say so
            return False
        if claim is not None:
            with claim:
                pass
        return claim is None

    def _settled(self, job: Job) -> Outcome | None:
        """The outcome of a volume that is not to be converted; none of one that is."""
        now = seen(job.target)
        if now is None:
            return None
        if now != job.seen:
            return self._written_meanwhile(job)
        if self.options.resume and job.output in self.past.begun:
            return (
                outcome(job, "skipped", "finished before, by this model from this input") if self._kept(job) else None
            )
        return outcome(job, "skipped", "the output is already there") if self.options.on_exists == "skip" else None

    def _written_meanwhile(self, job: Job) -> Outcome | None:
        """By another run, or by a worker of this one that was lost; as it is lost, it will write no more."""
        past = read_past(self.base)
        if past.finished(job.output, self.run):
            return outcome(job, "converted", notes=("the worker that made it was lost before it could say so",))
        if past.unfinished(job.output, self.run):
            return None
        return outcome(job, "skipped", "another run has written it meanwhile")

    def _kept(self, job: Job) -> bool:
        """Whether the output is, to the byte, what this model made of this input."""
        past = self.past
        if any(past.unfinished(job.output, run) for run in past.begun[job.output]):
            # Another run was writing it when the journals were read, and may have noted its end since.
            past = read_past(self.base)
        known = past.made.get(job.output, ())
        by_us = [m for m in known if (m.model, m.settings) == (self.translator.sha256, self._settings)]
        if not by_us:
            return False
        source, result = digest(*_files(job.source)), digest(job.target)
        return any((made.source, made.digest) == (source, result) for made in by_us)

    def _translated(self, job: Job, place: int, progress: Callable[[int, int], None]) -> Outcome:
        there = job.target.exists()
        room = self.budget.of(job.source) if self.budget else self.room.of(_voxels(job.source, self.translator.spec))
        with room as streamed:
            self.stop.check()
            volume = read_volume(job.source, frame=self.options.frame, scratch=_folder(job) if streamed else None)
            # After the reader: it refuses pipes, devices and a header that is followed by a terabyte of nothing.
            source = digest(*_files(job.source)) if self.journal else ""
            translator, force = self._in_turn(place), self.options.force
            synthetic = translator.translate(volume, force=force, progress=progress, overwrite_source=True)
            del volume
            self.stop.check()
            notes = (*synthetic.notes, *([STREAMED] if streamed else []))
            return outcome(job, "converted", notes=(*notes, *self._write(job, synthetic, source, there)))

    def _in_turn(self, place: int) -> Translator:
        """The translator, with an engine that computes when it is this volume's turn, and not after a stop."""
        engine = self.translator.engine

        def predict(patches: Array) -> Array:
            with self.turns.turn(place):
                self.stop.check()
                return engine.predict(patches)

        return replace(self.translator, engine=replace(engine, predict=predict))

    def _write(self, job: Job, synthetic: Volume, source: str, overwrite: bool) -> tuple[str, ...]:
        """Write and note it; what is to be said about that."""
        _folder(job)
        if self.journal:
            self.journal.begun(job.output)
        stored, text = self.translator.spec.target.stored, self.translator.description(synthetic)
        write_volume(job.target, synthetic, dtype=stored, description=text, overwrite=overwrite)
        return self._note(job, source)

    def _note(self, job: Job, source: str) -> tuple[str, ...]:
        if self.journal is None:
            return ()
        try:
            result = digest(job.target)
            self.journal.made(Made(job.output, result, source, self.translator.sha256, self._settings, self.run))
        except (OSError, TranslationError) as error:
            return (f"not noted as finished, so --resume will make it again: {reason_of(error)}",)
        return ()

    @cached_property
    def _settings(self) -> str:
        values = {"overlap": self.translator.spec.tiling.overlap, "frame": self.options.frame}
        return json.dumps(values | {"force": self.options.force}, sort_keys=True)

    def holder(self, job: Job) -> str:
        """Who else has `job` in hand, for people."""
        return holder(self.base, job.output)


def outcome(job: Job, status: Status, reason: str = "", notes: tuple[str, ...] = ()) -> Outcome:
    """An outcome of `job`."""
    return Outcome(job.name, job.output, status, reason, notes=notes)


def reason_of(error: Exception) -> str:
    """Why, without the folders of this machine."""
    if isinstance(error, TranslationError):
        return " ".join(part for part in (error.reason, error.remedy) if part)
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, MemoryError):
        return "does not fit into memory. Close other programs, or use a machine with more."
    return f"{type(error).__name__}: {str(error)[:200]}"


def _folder(job: Job) -> Path:
    """Where the output goes; made if it is not there."""
    job.target.parent.mkdir(parents=True, exist_ok=True)
    return job.target.parent


def _files(source: Path) -> list[Path]:
    """The file, or both files of a pair."""
    if source.suffix.lower() != ".hdr":
        return [source]
    return [source, source.with_suffix(".IMG" if source.suffix.isupper() else ".img")]


def _voxels(source: Path, spec: Spec) -> int:
    """How many voxels the volume has, as stored or at the model's voxel size, whichever are more."""
    grid = read_header(source).grid
    stored = int(np.prod(grid.shape))
    return stored if spec.spacing is None else max(stored, int(np.prod(grid.extent) / np.prod(spec.spacing)))
