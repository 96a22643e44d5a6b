from __future__ import annotations

from pathlib import Path

import pytest

from modality_translate.errors import VolumeError
from modality_translate.runtime.claims import FOLDER
from modality_translate.runtime.journal import Journal, Made, Past, digest, read_past


def made(output: str = "b/a.nii.gz", run: str = "run1") -> Made:
    return Made(output, "d1", "s1", "m1", "{}", run)


def test_facts_of_several_processes_come_together(tmp_path: Path):
    for run in ("run1", "run2"):
        journal = Journal(tmp_path, run)
        journal.begun("b/a.nii.gz")
        journal.made(made(run=run))
    past = read_past(tmp_path)
    assert past.begun == {"b/a.nii.gz": {"run1", "run2"}}
    assert {m.run for m in past.made["b/a.nii.gz"]} == {"run1", "run2"}
    assert past.finished("b/a.nii.gz", "run2")
    assert not past.finished("b/a.nii.gz", "run3")
    assert not past.finished("other.nii.gz", "run1")


def test_what_was_begun_and_not_finished_is_known(tmp_path: Path):
    Journal(tmp_path, "run1").begun("a")
    assert read_past(tmp_path).unfinished("a", "run1")
    assert not read_past(tmp_path).unfinished("a", "run2")
    Journal(tmp_path, "run1").made(made("a"))
    assert not read_past(tmp_path).unfinished("a", "run1")


def test_a_torn_line_costs_that_line_alone(tmp_path: Path):
    journal = Journal(tmp_path, "run1")
    journal.begun("first")
    whole = journal.path.read_bytes()
    for length in range(len(whole)):
        journal.path.write_bytes(whole[:length])
        journal.made(made())
        assert read_past(tmp_path).made == {"b/a.nii.gz": (made(),)}


def test_any_name_survives(tmp_path: Path):
    name = "broken \udcff\n\x00.nii"
    Journal(tmp_path, "run1").begun(name)
    assert list(read_past(tmp_path).begun) == [name]


@pytest.mark.parametrize("line", ['["begun"]', '{"begun": 3}', '{"made": {"output": "a"}}', '{"made": 1}', "\x00", "{"])
def test_what_is_no_fact_is_passed_over(tmp_path: Path, line: str):
    Journal(tmp_path, "run1").path.parent.mkdir()
    Journal(tmp_path, "run1").path.write_text(line)
    past = read_past(tmp_path)
    assert (past.begun, past.made) == ({}, {})


def test_no_journal_is_an_empty_past(tmp_path: Path):
    assert read_past(tmp_path / "none").begun == {}


def test_a_journal_that_cannot_be_written_is_one_error(tmp_path: Path):
    (tmp_path / FOLDER).write_text("a file where the folder would be")
    with pytest.raises(VolumeError, match="cannot be written"):
        Journal(tmp_path, "run1").begun("a")


def test_a_digest_is_of_bytes_and_their_order(tmp_path: Path):
    for name, text in {"a": "x", "b": "x", "c": "y"}.items():
        (tmp_path / name).write_text(text)
    a, b, c = (tmp_path / name for name in "abc")
    assert digest(a) == digest(b) != digest(c)
    assert digest(a, c) != digest(c, a)


def test_what_is_noted_of_one_output(tmp_path: Path):
    journal = Journal(tmp_path, "run1")
    journal.begun("a")
    journal.begun("b")
    journal.made(made("b"))
    past = read_past(tmp_path)
    assert past.of("a") == Past({"a": frozenset({"run1"})}, {"a": ()})
    assert past.of("b") == Past({"b": frozenset({"run1"})}, {"b": (made("b"),)})
    assert past.of("c") == Past()
