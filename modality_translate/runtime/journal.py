"""What was converted from what by which model: facts appended as they happen, which outlive any way to end a run.

Each process appends to a file of its own. A line is a fact that can be checked against the files, so neither the order
of lines nor the clock matters, and a line torn by a power cut is passed over.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from modality_translate.errors import VolumeError
from modality_translate.runtime.claims import FOLDER


@dataclass(frozen=True)
class Made:
    """A finished output. Digests are of the files' bytes."""

    output: str
    """Path within the output folder, with "/"."""
    digest: str
    source: str
    """Digest of the input."""
    model: str
    """sha256 of the model."""
    settings: str
    """The options that change voxels, as canonical JSON."""
    run: str


@dataclass(frozen=True)
class Past:
    """What earlier runs, and those of the moment, noted in an output folder."""

    begun: dict[str, frozenset[str]] = field(default_factory=dict)
    """Outputs that were at least begun, with the runs that did."""
    made: dict[str, tuple[Made, ...]] = field(default_factory=dict)
    """Outputs with all that is known of them; a file made twice has two entries."""

    def of(self, output: str) -> Past:
        """What is noted of `output` alone."""
        known = {output} & (self.begun.keys() | self.made.keys())
        return Past({o: self.begun.get(o, frozenset()) for o in known}, {o: self.made.get(o, ()) for o in known})

    def unfinished(self, output: str, run: str) -> bool:
        """Whether `run` has begun to write `output`, and has not noted its end."""
        return run in self.begun.get(output, ()) and not self.finished(output, run)

    def finished(self, output: str, run: str) -> bool:
        """Whether `run` itself has finished `output`."""
        return any(made.run == run for made in self.made.get(output, ()))


class Journal:
    """The journal of one process in the output folder `folder`; threads may share it."""

    def __init__(self, folder: Path, run: str) -> None:
        self.path = folder / FOLDER / f"journal-{run}-{secrets.token_hex(4)}.jsonl"
        self.run = run
        self._lock = threading.Lock()

    def begun(self, output: str) -> None:
        """Note that `output` is about to be written. Raises `VolumeError` when the disk does not take it."""
        self._append({"begun": output, "run": self.run})

    def made(self, made: Made) -> None:
        """Note a finished output. Raises `VolumeError` when the disk does not take it."""
        self._append({"made": asdict(made)})

    def _append(self, fact: dict[str, Any]) -> None:
        # The newline in front parts this line from one that a full disk cut short.
        line = "\n" + json.dumps(fact)
        try:
            with self._lock:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("ab") as file:
                    file.write(line.encode("ascii"))
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            remedy = "Free some space, or choose a folder you may write to."
            raise VolumeError(self.path, f"cannot be written: {error.strerror or error}.", remedy) from error


def read_past(folder: Path) -> Past:
    """All journals in the output folder `folder`; empty where there is none.

    Raises `VolumeError` for a journal that cannot be read.
    """
    begun: dict[str, set[str]] = {}
    made: dict[str, list[Made]] = {}
    for path in sorted((folder / FOLDER).glob("journal-*.jsonl")):
        for fact in _facts(path):
            if isinstance(output := fact.get("begun"), str):
                begun.setdefault(output, set()).add(str(fact.get("run", "")))
            elif (found := _made(fact.get("made"))) is not None:
                made.setdefault(found.output, []).append(found)
    return Past(
        {output: frozenset(runs) for output, runs in begun.items()},
        {output: tuple(facts) for output, facts in made.items()},
    )


def digest(*paths: Path) -> str:
    """One digest over the bytes of `paths`, in order."""
    whole = hashlib.blake2b(digest_size=20)
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, hashlib.blake2b).digest())
    return whole.hexdigest()


def _facts(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise VolumeError(path, f"cannot be read: {error.strerror}.", "Change its permissions.") from error
    for line in lines:
        try:
            fact = json.loads(line)
        except ValueError:
            continue
        if isinstance(fact, dict):
            yield fact


def _made(values: Any) -> Made | None:
    try:
        return Made(**values)
    except TypeError:  # of a version that noted other things
        return None
