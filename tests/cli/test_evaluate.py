import json

import numpy as np
import pytest

from modality_translate.cli.main import main
from modality_translate.volumes.nifti import write_volume
from modality_translate.volumes.volume import Volume


@pytest.fixture
def folders(tmp_path):
    """Two synthetic CTs, 10 and 20 HU too high, and their references."""
    array = np.full((16, 14, 12), -1000.0, np.float32)
    array[3:13, 3:11, 2:10] = 40.0
    for side, error in (("synthetic", 10), ("ct", 0)):
        (tmp_path / side).mkdir()
        for case in (1, 2):
            volume = Volume.of(array + np.float32(error * case), np.diag([2.0, 2.0, 2.0, 1.0]))
            write_volume(tmp_path / side / f"case{case}.nii.gz", volume)
    return tmp_path


@pytest.fixture
def run(monkeypatch, capsys, folders):
    """Run `mtranslate evaluate` on the two folders; gives exit code, stdout and stderr."""

    def evaluate(*arguments, predicted="synthetic", reference="ct"):
        words = ["mtranslate", "evaluate", "-p", folders / predicted, "-r", folders / reference, *arguments]
        monkeypatch.setattr("sys.argv", [str(word) for word in words])
        with pytest.raises(SystemExit, match=r"\d") as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return evaluate


def test_the_table_goes_to_stdout_and_progress_to_stderr(run):
    code, out, err = run()
    assert code == 0
    assert out.splitlines()[1].split()[:2] == ["case1", "10.00"]
    assert "Protocol synthrad2025" in out
    assert err.splitlines() == ["scored 1 of 2", "scored 2 of 2"]


def test_quiet_leaves_stderr_empty(run):
    assert run("-q")[2] == ""


def test_json_and_html_are_written(run, folders):
    code, *_ = run("--json", folders / "scores.json", "--html", folders / "report.html")
    assert code == 0
    assert json.loads((folders / "scores.json").read_text())["summary"]["mae"]["mean"] == pytest.approx(15)
    page = (folders / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") == 6
    assert str(folders) not in page


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_an_existing_file_is_kept_unless_overwriting_is_asked_for(run, folders, option):
    kept = folders / "kept"
    kept.write_text("precious")
    code, out, err = run(option, kept)
    assert (code, out, kept.read_text()) == (1, "", "precious")
    assert "exists already" in err
    assert run(option, kept, "--overwrite")[0] == 0
    assert kept.read_text() != "precious"


def test_a_case_without_reference_is_named_and_the_exit_code_is_8(run, folders):
    (folders / "ct" / "case2.nii.gz").unlink()
    code, out, _ = run()
    assert code == 8
    assert "not scored: case2: no reference volume of this name" in out


def test_a_reference_without_prediction_is_named_only(run, folders):
    (folders / "synthetic" / "case2.nii.gz").unlink()
    code, out, _ = run()
    assert code == 0
    assert "no prediction: case2" in out


def test_nothing_in_common_is_exit_code_3(run, folders):
    (folders / "empty").mkdir()
    assert run(predicted="empty")[0] == 3


def test_one_pair_that_fails_is_exit_code_1_with_its_reason(run, folders):
    (folders / "synthetic" / "case1.nii.gz").write_bytes(b"no volume")
    code, out, err = run(predicted="synthetic/case1.nii.gz", reference="ct/case1.nii.gz")
    assert code == 1
    assert "not scored: case1: case1.nii.gz: " in out
    assert "no case could be scored" in err


def test_a_reference_that_is_not_ct_asks_for_the_modality(run, folders):
    mr = Volume.of(np.random.default_rng(0).uniform(0, 500, (12, 12, 12)), np.eye(4))
    for side in ("synthetic", "ct"):
        write_volume(folders / side / "case1.nii.gz", mr, overwrite=True)
    code, _, err = run()
    assert code == 2
    assert "--modality" in err
    assert run("--modality", "PET")[0] == 0


def test_the_older_protocol_reports_its_own_similarity(run):
    header = run("--protocol", "synthrad2023")[1].splitlines()[0]
    assert "SSIM" in header
    assert "MS-SSIM" not in header
