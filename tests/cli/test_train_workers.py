from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modality_translate.cli.train_workers import LOST, WORKERS, run_workers, start_workers


@pytest.mark.parametrize("variable", ["TORCHELASTIC_RUN_ID", "SLURM_STEP_NUM_TASKS", WORKERS])
def test_workers_are_started_once(variable: str, monkeypatch: pytest.MonkeyPatch):
    assert start_workers(2)
    assert not start_workers(1)
    assert not start_workers(None)
    monkeypatch.setenv(variable, "2")
    assert not start_workers(2)


def test_an_error_of_all_is_told_once(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "argv", ["mtranslate", "train", "--nonsense"])
    assert run_workers(3, Path("run")) == 2
    assert capfd.readouterr().err.count("No such option") == 1


def test_a_worker_whose_parent_is_gone_ends():
    code = "import time; from modality_translate.cli.train_workers import *; stop_without_parent(); time.sleep(60)"
    worker = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, env={**os.environ, WORKERS: "2"})
    assert worker.stdin is not None
    worker.stdin.close()
    assert worker.wait(50) == -signal.SIGTERM


def test_parent_and_workers_speak_of_the_same():
    from modality_translate.training import group

    assert (group.WORKERS, group.LOST) == (WORKERS, LOST)
