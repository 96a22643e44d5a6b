from __future__ import annotations

from pathlib import Path

import pytest

from modality_translate.runtime.journal import Journal, Made
from modality_translate.runtime.plan import Job, plan
from modality_translate.runtime.report import Outcome
from modality_translate.runtime.stop import Stop
from modality_translate.runtime.translator import Translator
from modality_translate.runtime.work import Options, Work, reason_of
from modality_translate.volumes import Volume, write_volume


@pytest.fixture
def job(tmp_path: Path, head: Volume) -> Job:
    """Planned when nothing was there; since then something has appeared."""
    write_volume(tmp_path / "a.nii", head)
    (made,) = plan(tmp_path / "a.nii", tmp_path / "out").jobs
    made.target.parent.mkdir()
    made.target.write_bytes(b"appeared")
    return made


def convert(translator: Translator, job: Job) -> Outcome | None:
    base = job.target.parent
    work = Work(translator, Options(), base, "this run", Stop(), Journal(base, "this run"))
    return work.convert(job, 0, lambda done, total: None)


def test_what_another_run_wrote_meanwhile_stays(translator: Translator, job: Job):
    found = convert(translator, job)
    assert found is not None
    assert (found.status, found.reason) == ("skipped", "another run has written it meanwhile")
    assert job.target.read_bytes() == b"appeared"


def test_what_a_lost_worker_of_this_run_finished_is_not_made_twice(translator: Translator, job: Job):
    Journal(job.target.parent, "this run").made(Made(job.output, "d", "s", "m", "{}", "this run"))
    found = convert(translator, job)
    assert found is not None
    assert (found.status, found.notes) == ("converted", ("the worker that made it was lost before it could say so",))
    assert job.target.read_bytes() == b"appeared"


def test_what_a_lost_worker_of_this_run_left_unproven_is_made_again(translator: Translator, job: Job):
    Journal(job.target.parent, "this run").begun(job.output)
    found = convert(translator, job)
    assert found is not None
    assert (found.status, found.notes) == ("converted", ())
    assert job.target.read_bytes() != b"appeared"


def test_reasons_name_no_folder():
    assert reason_of(FileNotFoundError(2, "No such file or directory", "/home/me/a.nii")) == "No such file or directory"
    assert reason_of(MemoryError()).startswith("does not fit into memory")
    assert reason_of(ValueError("odd")) == "ValueError: odd"
