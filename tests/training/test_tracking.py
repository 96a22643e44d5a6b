from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modality_translate.errors import MissingExtraError
from modality_translate.recipe import Recipe
from modality_translate.training.loop import train
from modality_translate.training.session import Job, Session
from modality_translate.training.tracking import Tracking

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """By tag the steps and values that TensorBoard reads."""
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_rows_are_read_back_as_scalars(tmp_path: Path):
    tracking = Tracking(tmp_path, 0)
    tracking.write({"step": 10, "l1": 0.5})
    tracking.write({"step": 20, "l1": 0.25, "validation.mae": 60.0})
    assert scalars(tmp_path) == {"l1": [(10, 0.5), (20, 0.25)], "validation.mae": [(20, 60.0)]}


def test_a_resumed_run_adds_a_file_and_repeats_no_step(tmp_path: Path):
    first = Tracking(tmp_path, 0)
    for step in (10, 20, 30):
        first.write({"step": step, "l1": 1.0})
    resumed = Tracking(tmp_path, 20)
    for step in (30, 40):
        resumed.write({"step": step, "l1": 0.5})
    assert scalars(tmp_path)["l1"] == [(10, 1.0), (20, 1.0), (30, 0.5), (40, 0.5)]
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "events.out.tfevents.mtranslate.0000",
        "events.out.tfevents.mtranslate.0001",
    ]


def test_nothing_is_written_before_the_first_row(tmp_path: Path):
    Tracking(tmp_path / "tensorboard", 0)
    assert not (tmp_path / "tensorboard").exists()


def test_without_tensorboard_the_pip_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "tensorboard"] + ["tensorboard"]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'modality-translate\[train\]'"):
        Tracking(tmp_path, 0)


def test_a_training_tracks_what_metrics_csv_has(
    recipe_of: Callable[..., Recipe], job_of: Callable[..., Job], cohort: Path
):
    recipe = recipe_of(training={"tensorboard": True})
    job = job_of(recipe)
    stops = iter([False, False, True])
    assert not train(Session(job), lambda: next(stops))
    assert train(Session(job, resume=True))
    folder = job.run.path / "tensorboard"
    rows = job.run.metrics()
    found = scalars(folder)
    assert set(found) == {name for row in rows for name in row} - {"step"}
    for tag, points in found.items():
        expected = [(row["step"], row[tag]) for row in rows if tag in row]
        assert [step for step, _ in points] == [step for step, _ in expected]
        assert [value for _, value in points] == pytest.approx([value for _, value in expected], rel=1e-4)
    assert len(list(folder.iterdir())) == 2
    for path in folder.iterdir():
        assert str(cohort).encode() not in path.read_bytes()
        assert socket.gethostname() not in path.name
        assert socket.gethostname().encode() not in path.read_bytes()


def test_no_folder_without_the_setting(recipe_of: Callable[..., Recipe], job_of: Callable[..., Job]):
    job = job_of(recipe_of(training={"steps": 2}))
    train(Session(job))
    assert not (job.run.path / "tensorboard").exists()
