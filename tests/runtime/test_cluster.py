"""Conversions by worker processes, started as a user starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modality_translate.errors import DeviceError, MissingExtraError, ModelError
from modality_translate.runtime.cluster import Cluster, connected, introduced
from modality_translate.runtime.errand import Errand, Loading
from modality_translate.runtime.journal import Past, read_past
from modality_translate.runtime.plan import plan
from modality_translate.runtime.stop import Stop
from modality_translate.runtime.work import Options
from modality_translate.volumes import Volume, write_volume

pytest.importorskip("distributed")
VOLUMES = 12
SLOW = """
import sys, time
from dataclasses import replace
from modality_translate.runtime.translator import Translator
load = Translator.fast = getattr(Translator, "fast", Translator.load)  # dask loads this file twice
def slow(*model, **options):
    translator = load(*model, **options)
    def predict(patches):
        time.sleep(0.02)
        return translator.engine.predict(patches)
    return replace(translator, engine=replace(translator.engine, predict=predict))
Translator.load = slow
"""


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", *map(str, words)]


def convert(*words: object) -> list[str]:
    return command("modality_translate", "convert", *words)


@pytest.fixture
def folder(tmp_path: Path, head: Volume) -> Path:
    (tmp_path / "in").mkdir()
    for i in range(VOLUMES):
        write_volume(tmp_path / "in" / f"{i:02}.nii.gz", Volume.of(head.array + i, head.grid.affine))
    return tmp_path / "in"


@pytest.fixture
def undisturbed(model: Path, folder: Path, tmp_path: Path) -> Path:
    out = tmp_path / "undisturbed"
    subprocess.run(convert("-m", model, "-i", folder, "-o", out, "-d", "cpu", "-q"), check=True, capture_output=True)
    return out


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def call(words: list[str]) -> subprocess.Popen[str]:
        started.append(subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield call
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def scheduler(start: Callable[..., Any], tmp_path: Path) -> str:
    """The address of a scheduler without workers."""
    place = tmp_path / "scheduler.json"
    start(command("distributed.cli.dask_scheduler", "--port", 0, "--no-dashboard", "--host", "127.0.0.1",
                  "--scheduler-file", place))  # fmt: skip
    end = time.monotonic() + 30
    while not place.is_file() or not place.read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    return str(json.loads(place.read_text())["address"])


def start_worker(start: Callable[..., Any], scheduler: str, folder: Path) -> subprocess.Popen[str]:
    """A worker process whose engine takes a while."""
    slow = folder / "slow.py"
    slow.write_text(SLOW)
    words = ("--no-nanny", "--no-dashboard", "--nthreads", 2, "--preload", slow, "--local-directory", folder)
    process: subprocess.Popen[str] = start(command("distributed.cli.dask_worker", scheduler, *words))
    return process


def volumes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.nii.gz"))}


def wait_for_volumes(folder: Path, count: int) -> None:
    end = time.monotonic() + 30
    while len(list(folder.glob("*.nii.gz"))) < count:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_workers_on_this_machine_do_what_one_process_does(
    model: Path, folder: Path, undisturbed: Path, tmp_path: Path, start: Callable[..., Any]
):
    out = tmp_path / "out"
    process = start(convert("-m", model, "-i", folder, "-o", out, "-d", "cpu", "--workers", 2, "--threads", 2))
    said, told = process.communicate()
    assert process.returncode == 0, told
    assert said.startswith(f"{VOLUMES} converted, 0 failed, 0 skipped")
    assert told.count("converted: ") == VOLUMES
    assert volumes(out) == volumes(undisturbed)
    report = json.loads((out / "report.json").read_text())
    assert [volume["name"] for volume in report["volumes"]] == sorted(path.name for path in folder.iterdir())
    assert report["device"] == "cpu"
    assert report["engine_seconds"] > 0


def test_a_lost_workers_volumes_are_done_by_another_and_none_twice(
    model: Path, folder: Path, undisturbed: Path, tmp_path: Path, start: Callable[..., Any], scheduler: str
):
    out = tmp_path / "out"
    workers = [start_worker(start, scheduler, tmp_path) for _ in range(2)]
    process = start(convert("-m", model, "-i", folder, "-o", out, "-d", "cpu", "--scheduler", scheduler))
    wait_for_volumes(out, VOLUMES // 3)
    workers[0].kill()
    said, told = process.communicate()
    assert process.returncode == 0, told
    assert said.startswith(f"{VOLUMES} converted, 0 failed, 0 skipped")
    assert volumes(out) == volumes(undisturbed)
    assert max(len(made) for made in read_past(out).made.values()) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_volumes_on_the_cluster_too(
    model: Path, folder: Path, tmp_path: Path, start: Callable[..., Any], scheduler: str, number: int, code: int
):
    out = tmp_path / "out"
    worker = start_worker(start, scheduler, tmp_path)
    process = start(convert("-m", model, "-i", folder, "-o", out, "-d", "cpu", "--scheduler", scheduler))
    wait_for_volumes(out, 2)
    process.send_signal(number)
    _, told = process.communicate()
    assert process.returncode == code, told
    assert "Traceback" not in told
    report = json.loads((out / "report.json").read_text())
    assert report["interrupted"] is True
    assert [volume["output"] for volume in report["volumes"]] == list(volumes(out))
    assert 2 <= len(report["volumes"]) < VOLUMES
    assert worker.poll() is None


def test_ctrl_c_in_a_terminal_ends_the_workers_of_this_machine(model: Path, folder: Path, tmp_path: Path, head: Volume):
    for i in range(150):
        write_volume(folder / f"more-{i:03}.nii", head)
    words = convert("-m", model, "-i", folder, "-o", tmp_path / "out", "-d", "cpu", "--workers", 2)
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("converted: ")
        os.killpg(process.pid, signal.SIGINT)
        lines = process.stderr.readlines()
        assert process.wait() == 130
    assert all(line.startswith("converted: ") for line in lines)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert 0 < report["totals"]["converted"] < 150
    end = time.monotonic() + 10
    while in_group(process.pid):
        assert time.monotonic() < end
        time.sleep(0.05)


def in_group(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def errand(model: Path | str, base: Path, run: str = "run") -> Errand:
    return Errand(run, Loading(str(model), "cpu", 1), "0" * 64, Options(), base, journal=True)


def test_what_keeps_a_worker_from_its_work_is_told_before_it_begins(
    model: Path, tmp_path: Path, start: Callable[..., Any], scheduler: str
):
    start_worker(start, scheduler, tmp_path)
    with connected(scheduler) as client:
        with pytest.raises(ModelError, match="is another file on"):
            introduced(client, errand(model, tmp_path), Stop())
        with pytest.raises(ModelError, match=r"none\.onnx"):
            introduced(client, errand(tmp_path / "none.onnx", tmp_path, "other run"), Stop())


class LostClient:
    """A client whose scheduler is gone."""

    status = "closed"


def test_volumes_of_a_lost_scheduler_are_told_as_failed(folder: Path, model: Path, tmp_path: Path, watcher: Any):
    jobs = plan(folder, tmp_path / "out").jobs
    found = list(Cluster(LostClient(), errand(model, tmp_path / "out"), jobs, Past(), watcher, Stop()).outcomes())
    assert [outcome.name for outcome in found] == [job.name for job in jobs]
    assert {(outcome.status, outcome.reason) for outcome in found} == {
        ("failed", "the scheduler was lost. Run again with --resume.")
    }


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch):
    with (
        pytest.raises(DeviceError, match="no-such-scheme://x: is no scheduler that answers"),
        connected("no-such-scheme://x"),
    ):
        pass


def test_without_dask_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'modality-translate\[cluster\]'"), connected("tcp://x:1"):
        pass


def test_workers_share_the_threads_of_the_machine(model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))
    monkeypatch.chdir(tmp_path)
    loading = Loading(model.name)
    assert loading.shared(3).threads == 5
    assert loading.shared(32).threads == 1
    assert Loading(model.name, threads=4).shared(2).threads == 2
    assert Loading(model.name).elsewhere().model == str(model)
    assert Loading("limb-mr-to-ct").elsewhere().model == "limb-mr-to-ct"
