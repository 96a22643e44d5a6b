"""metrics.csv: one row per report, with mean losses and, where validated, the scores."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from modality_translate.training.files import write_text

Row = dict[str, float]


class History:
    """The rows up to `step`, kept in the file and in memory; rows after it (of an interrupted run) are dropped."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.rows = [row for row in read_rows(path) if row["step"] <= step]
        self._columns = list(dict.fromkeys(key for row in self.rows for key in row))
        self._sums: dict[str, list[float]] = {}
        self._rewrite()

    def add(self, losses: dict[str, float]) -> None:
        """Losses of one step, for the next row's means."""
        for name, value in losses.items():
            self._sums.setdefault(name, []).append(value)

    def means(self) -> dict[str, float]:
        """Mean of every term since the last row."""
        return {name: sum(values) / len(values) for name, values in self._sums.items()}

    def write(self, row: Row) -> Row:
        """Append `row` with the mean losses, start the next means, and give the whole row."""
        row = row | self.means()
        self._sums = {}
        self.rows.append(row)
        if new := [name for name in row if name not in self._columns]:
            self._columns += new
            self._rewrite()
            return row
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns, lineterminator="\n").writerow(_shown(row))
        return row

    def _rewrite(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_shown(row) for row in self.rows)
        write_text(self.path, text.getvalue())


def read_rows(path: Path) -> list[Row]:
    """The rows of a metrics.csv, empty cells left out; none without the file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]


def _shown(row: Row) -> dict[str, str]:
    return {name: f"{value:.6g}" if name != "step" else f"{value:.0f}" for name, value in row.items()}
