"""Runs that end early, that go on, and that share a folder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modality_translate.errors import RecipeError, VolumeError
from modality_translate.runtime.claims import FOLDER, take
from modality_translate.runtime.folder import convert_folder
from modality_translate.runtime.journal import read_past
from modality_translate.runtime.plan import plan
from modality_translate.runtime.report import Conversion
from modality_translate.runtime.stop import Stop
from modality_translate.runtime.translator import Translator
from modality_translate.runtime.work import Options
from modality_translate.volumes import Volume, write_volume

RESUME = Options(resume=True)


@pytest.fixture
def folder(tmp_path: Path, head: Volume) -> Path:
    for i in range(5):
        (tmp_path / "in").mkdir(exist_ok=True)
        write_volume(tmp_path / "in" / f"{i}.nii.gz", Volume.of(head.array + i, head.grid.affine))
    return tmp_path / "in"


def with_predict(translator: Translator, before: Callable[[], None]) -> Translator:
    """The same answers, after `before`."""
    engine = translator.engine

    def predict(patches: Any) -> Any:
        before()
        return engine.predict(patches)

    return replace(translator, engine=replace(engine, predict=predict))


def statuses(conversion: Conversion) -> dict[str, str]:
    return {outcome.name: outcome.status for outcome in conversion.outcomes}


def files(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(out.iterdir()) if p.is_file()}


def stopped_early(translator: Translator, folder: Path, out: Path, watcher: Any) -> Conversion:
    """A run that is asked to stop after two volumes. Each needs 3 answers of the engine, which gives 12 before."""
    stop, ended = Stop(), list[str]()

    def finished(name: str, status: str, reason: str) -> None:
        ended.append(name)
        if len(ended) == 2:
            stop.ask()

    watcher.finished = finished
    answers = threading.Semaphore(12)

    def ask() -> None:
        if not answers.acquire(blocking=False):
            assert stop.wait(10)

    return convert_folder(with_predict(translator, ask), plan(folder, out), Options(), watcher, stop)


def test_a_stop_keeps_what_is_whole_and_drops_the_rest(
    translator: Translator, folder: Path, tmp_path: Path, watcher: Any
):
    found = stopped_early(translator, folder, tmp_path / "out", watcher)
    assert found.interrupted
    assert 2 <= found.count("converted") < 5
    assert list(files(tmp_path / "out")) == [outcome.output for outcome in found.outcomes]
    assert not list((tmp_path / "out" / FOLDER).glob("*.lock"))


def test_a_resumed_run_ends_as_an_undisturbed_one(translator: Translator, folder: Path, tmp_path: Path, watcher: Any):
    convert_folder(translator, plan(folder, tmp_path / "whole"), Options(), watcher)
    first = stopped_early(translator, folder, tmp_path / "out", watcher)
    kept = {name: (tmp_path / "out" / name).stat().st_ino for name in files(tmp_path / "out")}
    found = convert_folder(translator, plan(folder, tmp_path / "out"), RESUME, watcher)
    assert statuses(found) == {
        f"{i}.nii.gz": "skipped" if f"{i}.nii.gz" in statuses(first) else "converted" for i in range(5)
    }
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert all((tmp_path / "out" / name).stat().st_ino == inode for name, inode in kept.items())


def changed_output(folder: Path, out: Path) -> None:
    data = bytearray((out / "1.nii.gz").read_bytes())
    data[-1] ^= 1
    (out / "1.nii.gz").write_bytes(data)


def changed_input(folder: Path, out: Path) -> None:
    random = np.random.default_rng(1)
    write_volume(folder / "1.nii.gz", Volume.of(random.uniform(0, 9, (9, 9, 9)), np.eye(4) * 3), overwrite=True)


def lost_output(folder: Path, out: Path) -> None:
    (out / "1.nii.gz").unlink()


@pytest.mark.parametrize("change", [changed_output, changed_input, lost_output])
def test_what_is_not_as_it_was_is_made_again(
    translator: Translator, folder: Path, tmp_path: Path, watcher: Any, change: Callable[[Path, Path], None]
):
    out = tmp_path / "out"
    convert_folder(translator, plan(folder, out), RESUME, watcher)
    before = files(out)
    change(folder, out)
    found = statuses(convert_folder(translator, plan(folder, out), RESUME, watcher))
    assert found == {f"{i}.nii.gz": "converted" if i == 1 else "skipped" for i in range(5)}
    assert (files(out) == before) == (change is not changed_input)


@pytest.mark.parametrize("other", ["model", "force"])
def test_what_another_model_or_other_options_made_is_made_again(
    translator: Translator, folder: Path, tmp_path: Path, watcher: Any, other: str
):
    out = tmp_path / "out"
    convert_folder(translator, plan(folder, out), RESUME, watcher)
    translator = replace(translator, sha256="0" * 64) if other == "model" else translator
    found = convert_folder(translator, plan(folder, out), replace(RESUME, force=other == "force"), watcher)
    assert found.count("converted") == 5


def test_resuming_never_replaces_a_file_of_unknown_origin(
    translator: Translator, folder: Path, tmp_path: Path, watcher: Any
):
    out = tmp_path / "out"
    out.mkdir()
    (out / "1.nii.gz").write_bytes(b"mine")
    with pytest.raises(VolumeError, match="is already there"):
        convert_folder(translator, plan(folder, out), RESUME, watcher)
    found = convert_folder(translator, plan(folder, out), replace(RESUME, on_exists="skip"), watcher)
    assert found.count("converted") == 4
    assert (out / "1.nii.gz").read_bytes() == b"mine"
    convert_folder(translator, plan(folder, out), replace(RESUME, on_exists="overwrite"), watcher)
    assert (out / "1.nii.gz").read_bytes() != b"mine"


def test_one_file_is_not_resumed(translator: Translator, folder: Path, tmp_path: Path, watcher: Any):
    with pytest.raises(RecipeError, match="--resume: is for a folder"):
        convert_folder(translator, plan(folder / "0.nii.gz", tmp_path / "x.nii"), RESUME, watcher)


def test_one_file_leaves_nothing_beside_it(translator: Translator, folder: Path, tmp_path: Path, watcher: Any):
    (tmp_path / "out").mkdir()
    convert_folder(translator, plan(folder / "0.nii.gz", tmp_path / "out" / "x.nii"), Options(), watcher)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["x.nii"]


def test_a_volume_that_another_run_writes_is_left_to_it(
    translator: Translator, folder: Path, tmp_path: Path, watcher: Any
):
    out = tmp_path / "out"
    claim = take(out, "0.nii.gz")
    assert claim is not None

    def write_and_leave(name: str, holder: str) -> None:
        (out / "0.nii.gz").write_bytes(b"theirs")
        with claim:
            pass

    watcher.waiting = write_and_leave
    found = convert_folder(translator, plan(folder, out), Options("overwrite"), watcher)
    assert found.outcomes[0].reason == "another run has written it meanwhile"
    assert (found.count("converted"), found.count("skipped")) == (4, 1)
    assert (out / "0.nii.gz").read_bytes() == b"theirs"


def test_a_volume_that_another_run_gives_up_is_done(translator: Translator, folder: Path, tmp_path: Path, watcher: Any):
    claim = take(tmp_path / "out", "0.nii.gz")
    assert claim is not None
    watcher.waiting = lambda name, holder: claim.__exit__(None, None, None)
    found = convert_folder(translator, plan(folder, tmp_path / "out"), Options(), watcher)
    assert found.count("converted") == 5


def test_runs_at_the_same_time_share_the_work(translator: Translator, folder: Path, tmp_path: Path, watcher: Any):
    out, found = tmp_path / "out", list[Conversion]()
    together = threading.Barrier(3)

    def run() -> None:
        made = plan(folder, out)
        together.wait()
        found.append(convert_folder(translator, made, Options("overwrite"), watcher))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(conversion.count("converted") for conversion in found) == 5
    assert [len(made) for made in read_past(out).made.values()] == [1] * 5


def test_a_watcher_that_fails_ends_the_run(translator: Translator, folder: Path, tmp_path: Path, watcher: Any):
    def finished(name: str, status: str, reason: str) -> None:
        raise BrokenPipeError

    watcher.finished = finished
    before = threading.active_count()
    with pytest.raises(BrokenPipeError):
        convert_folder(translator, plan(folder, tmp_path / "out"), Options(), watcher)
    assert threading.active_count() == before


def test_a_full_disk_in_the_journal_fails_before_anything_is_written(
    translator: Translator, folder: Path, tmp_path: Path, watcher: Any, monkeypatch: pytest.MonkeyPatch
):
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("modality_translate.runtime.journal.os.fsync", full)
    found = convert_folder(translator, plan(folder, tmp_path / "out"), Options(), watcher)
    assert found.exit_code == 1
    assert found.outcomes[0].reason.startswith("cannot be written: No space left on device. Free some space")
    assert files(tmp_path / "out") == {}


def test_patches_are_told_of_the_volume_started_last(
    translator: Translator, folder: Path, tmp_path: Path, watcher: Any
):
    said: list[tuple[str, int]] = []
    watcher.started = lambda name, position, total: said.append((name, total))
    watcher.patches = lambda done, total: said.append(("patches", total))
    convert_folder(translator, plan(folder, tmp_path / "out"), Options(), watcher)
    names = [name for name, _ in said if name != "patches"]
    assert said[0] == ("0.nii.gz", 5)
    assert names == sorted(set(names))
    assert ("patches", 12) in said
