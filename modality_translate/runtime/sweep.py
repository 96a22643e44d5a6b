"""What killed runs left behind: temporary files that nobody will finish."""

from __future__ import annotations

import os
from pathlib import Path

from modality_translate.runtime.claims import sweep_locks, take
from modality_translate.runtime.plan import Plan
from modality_translate.volumes.atomic import temporary_of


def sweep(plan: Plan) -> int:
    """Remove temporary files of the outputs of `plan` whose writers are gone; how many there were.

    A file stays when its output is claimed by a living run, or when its writer's process number is in use here.
    """
    sweep_locks(plan.base)
    outputs: dict[Path, dict[str, str]] = {}
    for job in plan.jobs:
        outputs.setdefault(job.target.parent, {})[job.target.name] = job.output
    return sum(_sweep_folder(plan.base, folder, names) for folder, names in outputs.items() if folder.is_dir())


def _sweep_folder(base: Path, folder: Path, outputs: dict[str, str]) -> int:
    removed = 0
    for entry in os.scandir(folder):
        owner = temporary_of(entry.name)
        if owner is None or owner[0] not in outputs or _lives(owner[1]):
            continue
        claim = take(base, outputs[owner[0]])
        if claim is not None:
            with claim:
                Path(entry.path).unlink(missing_ok=True)
            removed += 1
    return removed


def sweep_one(path: Path) -> None:
    """As `sweep`, for the one file `path`, which the caller has claimed."""
    for entry in os.scandir(path.parent):
        owner = temporary_of(entry.name)
        if owner is not None and owner[0] == path.name and not _lives(owner[1]):
            Path(entry.path).unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    """Whether another process of this machine has that number."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return pid != os.getpid()
