from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from modality_translate.errors import VolumeError
from modality_translate.runtime.plan import Plan
from modality_translate.runtime.report import Conversion, Outcome, Status, report_path, write_report
from modality_translate.volumes.atomic import TEMPORARY_SUFFIX


def conversion(*statuses: Status, name: str = "a.nii") -> Conversion:
    outcomes = tuple(Outcome(name, "a.nii.gz", status, seconds=1.0) for status in statuses)
    return Conversion("tiny", "0" * 64, "onnxruntime 1", "cpu", "", outcomes, seconds=3.0)


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (("converted", "converted"), 0),
        (("skipped",), 0),
        (("converted", "failed"), 8),
        (("skipped", "failed"), 8),
        (("failed", "failed"), 1),
    ],
)
def test_the_exit_code_tells_how_it_went(statuses: tuple[Status, ...], code: int):
    assert conversion(*statuses).exit_code == code


def test_the_summary_counts():
    found = conversion("converted", "converted", "failed", "skipped").summary()
    assert found == "2 converted, 1 failed, 1 skipped in 3.0 s, 1.5 s per volume"


def test_the_report_is_json_for_any_name(tmp_path: Path):
    name = "broken \udcff\n.nii"
    write_report(tmp_path / "deep" / "report.json", conversion("converted", name=name))
    found = json.loads((tmp_path / "deep" / "report.json").read_text("ascii"))
    assert found["volumes"][0]["name"] == name
    assert found["totals"] == {"converted": 1, "failed": 0, "skipped": 0}
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["report.json"]


def test_what_a_killed_run_left_of_the_report_goes(tmp_path: Path):
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    for name in ("report.json", "other.json"):
        (tmp_path / f".{name}.{dead.pid}{TEMPORARY_SUFFIX}").write_text("half a rep")
    write_report(tmp_path / "report.json", conversion("converted"))
    assert sorted(p.name for p in tmp_path.iterdir()) == [f".other.json.{dead.pid}{TEMPORARY_SUFFIX}", "report.json"]


def test_a_report_that_cannot_be_written_is_one_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(VolumeError, match="cannot be made"):
        write_report(tmp_path / "file" / "report.json", conversion("converted"))


def test_the_report_lies_in_the_output_folder_unless_asked(tmp_path: Path):
    assert report_path(Plan((), tmp_path), None) == tmp_path / "report.json"
    assert report_path(Plan((), tmp_path), Path("r.json")) == Path("r.json")
    assert report_path(Plan((), None), None) is None
