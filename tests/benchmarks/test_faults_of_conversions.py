"""Short runs of the measurements of kills, failing calls and shared folders; the long ones are in RESULTS.md."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(script: str, model: Path, output: Path, *more: object) -> str:
    words = [sys.executable, BENCHMARKS / script, "-m", model, "-o", output, *map(str, more)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_killed_conversions_end_as_undisturbed_ones(model: Path, tmp_path: Path):
    said = run("kills_convert.py", model, tmp_path, "--kills", 4, "--volumes", 4)
    assert said.startswith("4 kills in ")
    assert "0 damaged, 0 lost, 0 unlike the undisturbed run, 0 temporary files or locks left" in said


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc to make the library that fails calls")
def test_a_call_that_fails_never_leaves_a_part_of_a_file(model: Path, tmp_path: Path):
    said = run("faults.py", model, tmp_path, "--volumes", 1, "--most", 3, "--disks", 1)
    assert said.startswith("9 failing calls: ")
    assert "0 wrong" in said


def test_runs_that_share_a_folder_convert_each_volume_once(model: Path, tmp_path: Path):
    said = run("sharing.py", model, tmp_path, "--processes", 3, "--volumes", 12, "--rounds", 1)
    assert "0 torn, 0 lost, 0 converted twice, 0 runs without exit code 0" in said
