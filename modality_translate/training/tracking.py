"""RUN/tensorboard/: the scalars of metrics.csv as events that TensorBoard shows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from modality_translate.errors import MissingExtraError
from modality_translate.training.history import Row

FILE_NAME = "events.out.tfevents.mtranslate"
"""TensorBoard's own writers put the host's name into the name of the file, so the files are opened here."""


class Tracking:
    """Appends rows to a new file in `folder`; `step` is that of the state a training goes on from.

    A resumed run adds a file whose first event takes back all later steps of the files before it. Raises
    `MissingExtraError` without tensorboard.
    """

    def __init__(self, folder: Path, step: int) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as error:
            reason = "the recipe asks for it (training.tensorboard) and it is not installed."
            raise MissingExtraError("tensorboard", reason, "pip install 'modality-translate[train]'") from error
        self.folder = folder
        self.step = step
        self._events, self._summaries, self._append = event_pb2, summary_pb2, RecordWriter
        self._file: Path | None = None

    def write(self, row: Row) -> None:
        """One scalar per column; `step` is the axis."""
        value = self._summaries.Summary.Value
        values = [value(tag=tag, simple_value=number) for tag, number in row.items() if tag != "step"]
        event = self._events.Event(step=int(row["step"]), summary=self._summaries.Summary(value=values))
        first = self._file is None
        path = self._file = self._file or self._next_file()
        with path.open("ab") as file:
            for each in (*(self._beginning() if first else ()), event):
                each.wall_time = time.time()
                self._append(file).write(each.SerializeToString())

    def _next_file(self) -> Path:
        """The next number, since readers take the files in the order of their names."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{FILE_NAME}.{len(list(self.folder.glob(FILE_NAME + '.*'))):04d}"

    def _beginning(self) -> list[Any]:
        """The format's version, and where a resumed run takes up: readers forget what they had from there on."""
        start = self._events.SessionLog(status=self._events.SessionLog.START)
        resumed = [self._events.Event(step=self.step + 1, session_log=start)] if self.step else []
        return [self._events.Event(file_version="brain.Event:2"), *resumed]
