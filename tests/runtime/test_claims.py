from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from modality_translate.errors import VolumeError
from modality_translate.runtime.claims import FOLDER, holder, sweep_locks, take, tidy

HOLD = """
import os, sys
from pathlib import Path
from modality_translate.runtime.claims import take
assert take(Path(sys.argv[1]), "a.nii") is not None
print("mine", flush=True)
os.read(0, 1)
"""


def held_elsewhere(folder: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"mine\n"
    return process


def test_a_claim_excludes_until_it_is_given_up(tmp_path: Path):
    first = take(tmp_path, "a.nii")
    assert first is not None
    with first:
        assert take(tmp_path, "a.nii") is None
        assert holder(tmp_path, "a.nii").startswith(f"process {os.getpid()} on ")
        other = take(tmp_path, "b/a.nii")
        assert other is not None
        with other:
            pass
    again = take(tmp_path, "a.nii")
    assert again is not None
    with again:
        pass
    tidy(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_holds_nothing(tmp_path: Path):
    with held_elsewhere(tmp_path) as process:
        assert take(tmp_path, "a.nii") is None
        assert holder(tmp_path, "a.nii").startswith(f"process {process.pid} on ")
        sweep_locks(tmp_path)
        assert take(tmp_path, "a.nii") is None
        process.kill()
        process.communicate()
    assert len(list((tmp_path / FOLDER).iterdir())) == 1
    sweep_locks(tmp_path)
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_of_many_threads_one_has_the_claim(tmp_path: Path):
    """Each adds one to a number that is not safe to add to: a claim given to two would lose some."""
    number, rounds = [0], 60

    def add() -> None:
        done = 0
        while done < rounds:
            claim = take(tmp_path, "a.nii")
            if claim is None:
                continue
            with claim:
                before = number[0]
                os.sched_yield()
                number[0] = before + 1
            done += 1
            tidy(tmp_path)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert number == [4 * rounds]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(VolumeError, match=r"a\.nii: cannot be claimed: .*Choose a folder you may write to"):
        take(tmp_path / "file", "a.nii")
