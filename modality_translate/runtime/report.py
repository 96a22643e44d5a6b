"""What a conversion did, for people and for machines. Names are relative: no folder of the machine gets in."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from modality_translate.errors import VolumeError
from modality_translate.runtime.claims import take, tidy
from modality_translate.runtime.plan import Plan
from modality_translate.runtime.sweep import sweep_one
from modality_translate.volumes.atomic import replacing

Status = Literal["converted", "skipped", "failed"]
ALL_DONE, FAILED, SOME_FAILED = 0, 1, 8


@dataclass(frozen=True)
class Outcome:
    """One volume: what became of it. `seconds` from taking it in hand to the finished file."""

    name: str
    output: str
    status: Status
    reason: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conversion:
    """A whole run. `interrupted` says that volumes after the last outcome were not reached."""

    model: str
    sha256: str
    engine: str
    device: str
    note: str
    outcomes: tuple[Outcome, ...]
    seconds: float
    interrupted: bool = False
    engine_seconds: float = 0.0
    """How much of `seconds` the engine was computing (several workers: of all their seconds together)."""

    def count(self, status: Status) -> int:
        """How many volumes ended that way."""
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def exit_code(self) -> int:
        """0 all done, 8 some failed, 1 all failed."""
        failed = self.count("failed")
        if not failed:
            return ALL_DONE
        return FAILED if failed == len(self.outcomes) else SOME_FAILED

    def summary(self) -> str:
        """One line: counts and seconds per volume."""
        converted, skipped = self.count("converted"), self.count("skipped")
        each = f", {self.seconds / converted:.1f} s per volume" if converted else ""
        return f"{converted} converted, {self.count('failed')} failed, {skipped} skipped in {self.seconds:.1f} s{each}"

    def to_json(self) -> dict[str, Any]:
        """Plain values, as written to report.json."""
        totals = {status: self.count(status) for status in ("converted", "failed", "skipped")}
        return {
            "mtranslate": version("modality-translate"),
            **{key: value for key, value in asdict(self).items() if key != "outcomes"},
            "totals": totals,
            "volumes": [asdict(outcome) for outcome in self.outcomes],
        }


def write_report(path: Path, conversion: Conversion) -> None:
    """`conversion` as JSON in `path`: whole or not at all. Raises `VolumeError` when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VolumeError(path.parent, f"cannot be made ({error.strerror}).", "Choose another place.") from error
    # ASCII only: names that are not valid Unicode survive as escapes.
    text = json.dumps(conversion.to_json(), indent=1) + "\n"
    with _alone(path), replacing(path, overwrite=True) as stream:
        stream.write(text.encode("ascii"))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One writer at a time: runs in containers have equal process numbers, and so equal temporary files."""
    while (claim := take(path.parent, path.name)) is None:
        time.sleep(0.01)
    with claim:
        sweep_one(path)
        yield
    tidy(path.parent)


def report_path(plan: Plan, asked: Path | None) -> Path | None:
    """Where the report goes: as asked, otherwise report.json in the output folder, if there is one."""
    return asked or (plan.folder / "report.json" if plan.folder else None)


def part_report(path: Path | None, index: int, count: int) -> Path | None:
    """The report of one part of several, beside those of the others: report-0-of-8.json."""
    return path and path.with_name(f"{path.stem}-{index}-of-{count}{path.suffix}")
