from __future__ import annotations

import os
import subprocess
from pathlib import Path

from modality_translate.runtime.claims import take
from modality_translate.runtime.plan import Job, Plan
from modality_translate.runtime.sweep import sweep
from modality_translate.volumes.atomic import TEMPORARY_SUFFIX


def a_dead_process() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def of(folder: Path, *outputs: str) -> Plan:
    return Plan(tuple(Job(o, folder / "in" / o, folder / o, o) for o in outputs), folder)


def left(folder: Path, name: str, pid: int) -> Path:
    path = folder / f".{name}.{pid}{TEMPORARY_SUFFIX}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"half a vol")
    return path


def test_what_dead_processes_left_of_our_outputs_goes(tmp_path: Path):
    dead = a_dead_process()
    gone = [
        left(tmp_path, "a.nii", dead),
        left(tmp_path / "b", "c.d.nii.gz", dead),
        left(tmp_path, "a.nii", os.getpid()),
    ]
    living = left(tmp_path, "a.nii", os.getppid())
    foreign = [left(tmp_path, "other.nii", dead), tmp_path / ".a.nii.old", tmp_path / f".a.nii.x1{TEMPORARY_SUFFIX}"]
    for path in foreign:
        path.write_text("not ours")
    (tmp_path / "a.nii").write_text("whole")
    assert sweep(of(tmp_path, "a.nii", "b/c.d.nii.gz", "no/such.nii")) == 3
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in (living, *foreign, tmp_path / "a.nii"))


def test_what_a_living_run_writes_stays(tmp_path: Path):
    path = left(tmp_path, "a.nii", a_dead_process())
    claim = take(tmp_path, "a.nii")
    assert claim is not None
    with claim:
        assert sweep(of(tmp_path, "a.nii")) == 0
        assert path.exists()
    assert sweep(of(tmp_path, "a.nii")) == 1
