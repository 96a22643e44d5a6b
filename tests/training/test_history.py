from __future__ import annotations

from pathlib import Path

import pytest

from modality_translate.training.history import History, read_rows


def test_a_row_has_the_means_since_the_last(tmp_path: Path):
    history = History(tmp_path / "m.csv", 0)
    for value in (1.0, 3.0):
        history.add({"l1": value})
    assert history.write({"step": 2}) == {"step": 2, "l1": 2.0}
    history.add({"l1": 7.0})
    history.write({"step": 3})
    assert [row["l1"] for row in read_rows(tmp_path / "m.csv")] == [2.0, 7.0]


def test_columns_that_come_later_are_added(tmp_path: Path):
    history = History(tmp_path / "m.csv", 0)
    history.write({"step": 1})
    history.write({"step": 2, "validation.mae": 50.0})
    assert (tmp_path / "m.csv").read_text() == "step,validation.mae\n1,\n2,50\n"


def test_rows_after_the_resumed_step_are_dropped(tmp_path: Path):
    history = History(tmp_path / "m.csv", 0)
    for step in (1, 2, 3):
        history.write({"step": step})
    resumed = History(tmp_path / "m.csv", 2)
    resumed.write({"step": 3, "l1": 1.0})
    assert read_rows(tmp_path / "m.csv") == [{"step": 1}, {"step": 2}, {"step": 3, "l1": 1}]


def test_large_steps_are_not_rounded(tmp_path: Path):
    History(tmp_path / "m.csv", 0).write({"step": 12345678})
    assert read_rows(tmp_path / "m.csv")[0]["step"] == pytest.approx(12345678, abs=0)
