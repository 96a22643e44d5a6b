from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import onnx
import pytest

from modality_translate.cli.main import main
from modality_translate.runtime import gpu_session
from modality_translate.volumes import Volume, write_volume


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Callable[..., tuple[int, str, str]]:
    """The command line as a user types it: (exit code, stdout, stderr)."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mtranslate", *map(str, words)])
        with pytest.raises(SystemExit, match=r"\d") as ended:
            main()
        said = capsys.readouterr()
        return int(str(ended.value.code)), said.out, said.err

    return call


Run = Callable[..., tuple[int, str, str]]


def test_a_folder_with_one_bad_file_is_converted_and_exits_with_8(run: Run, model: Path, scans: Path, tmp_path: Path):
    code, out, err = run("convert", "-m", model, "-i", scans, "-o", tmp_path / "out", "-d", "cpu")
    assert code == 8
    assert out.startswith("2 converted, 1 failed, 0 skipped")
    assert "converted: a.nii.gz" in err
    assert "failed: b/damaged.nii.gz: " in err
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["totals"] == {"converted": 2, "failed": 1, "skipped": 0}
    assert (report["model"], report["device"]) == ("tiny", "cpu")
    assert str(tmp_path) not in json.dumps(report)


def test_no_link_is_passed_over_in_silence(run: Run, model: Path, scans: Path, tmp_path: Path):
    folder = tmp_path / "linked"
    folder.mkdir()
    (folder / "a.nii.gz").write_bytes((scans / "a.nii.gz").read_bytes())
    (folder / "patient").symlink_to(scans / "b")
    (folder / "gone.nii").symlink_to("absent.nii")
    words = ["-m", model, "-i", folder, "-d", "cpu", "-o"]
    code, out, err = run("convert", *words, tmp_path / "out")
    assert (code, out.split(" in ")[0]) == (8, "1 converted, 2 failed, 0 skipped")
    assert "failed: patient: is a link that leads out of the input folder. " in err
    assert "--follow-links" in err
    assert "failed: gone.nii: " in err
    assert len(json.loads((tmp_path / "out" / "report.json").read_text())["volumes"]) == 3
    _, out, err = run("convert", *words, tmp_path / "followed", "--follow-links")
    assert "failed: patient/damaged.nii.gz" in err
    assert len(list((tmp_path / "followed" / "patient").glob("*.nii.gz"))) == len(list((scans / "b").iterdir())) - 1


def test_a_folder_of_links_alone_says_how_to_follow_them(run: Run, model: Path, scans: Path, tmp_path: Path):
    folder = tmp_path / "linked"
    folder.mkdir()
    (folder / "patient").symlink_to(scans / "b")
    code, _, err = run("convert", "-m", model, "-i", folder, "-o", tmp_path / "out")
    assert code == 3
    assert "--follow-links" in err


def test_quiet_tells_failures_only(run: Run, model: Path, scans: Path, tmp_path: Path):
    _, _, err = run("convert", "-m", model, "-i", scans, "-o", tmp_path / "out", "-q")
    assert [line.split(":")[0] for line in err.splitlines()] == ["failed"]


def test_one_file_and_a_report_where_asked(run: Run, model: Path, scans: Path, tmp_path: Path):
    words = ["-m", model, "-i", scans / "a.nii.gz", "-o", tmp_path / "x.nii", "--report", tmp_path / "r.json"]
    code, _, _ = run("convert", *words, "--overlap", "0.25", "--threads", 1)
    assert code == 0
    assert (tmp_path / "x.nii").is_file()
    assert json.loads((tmp_path / "r.json").read_text())["volumes"][0]["output"] == "x.nii"


def test_what_is_there_stops_before_any_work(run: Run, model: Path, scans: Path, tmp_path: Path):
    words = ("convert", "-m", model, "-i", scans, "-o", tmp_path / "out")
    run(*words)
    code, out, err = run(*words)
    assert (code, out) == (1, "")
    assert "--on-exists skip" in err
    code, out, _ = run(*words, "--on-exists", "skip")
    assert (code, out[:38]) == (8, "0 converted, 1 failed, 2 skipped in 0.")


def test_no_volume_exits_with_3(run: Run, model: Path, tmp_path: Path):
    code, _, err = run("convert", "-m", model, "-i", tmp_path / "none", "-o", tmp_path / "out")
    assert (code, err.count("\n")) == (3, 1)


def test_a_refused_model_exits_with_4_in_one_line(run: Run, graph: onnx.ModelProto, scans: Path, tmp_path: Path):
    onnx.save(graph, tmp_path / "foreign.onnx")
    code, _, err = run("convert", "-m", tmp_path / "foreign.onnx", "-i", scans, "-o", tmp_path / "out")
    assert (code, err.count("\n")) == (4, 1)
    assert not (tmp_path / "out").exists()


def test_a_missing_device_exits_with_5(
    run: Run, model: Path, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gpu_session, "driver_present", lambda: False)
    code, _, err = run("convert", "-m", model, "-i", scans, "-o", tmp_path / "out", "-d", "cuda")
    assert (code, err.count("\n")) == (5, 1)


@pytest.mark.parametrize("words", [("-d", "gpu"), ("--overlap", "1"), ("--on-exists", "maybe"), ("--threads", "0")])
def test_wrong_usage_exits_with_2(run: Run, model: Path, scans: Path, tmp_path: Path, words: tuple[str, ...]):
    code, _, err = run("convert", "-m", model, "-i", scans, "-o", tmp_path / "out", *words)
    assert code == 2
    assert words[1] in err


def test_names_cannot_drive_the_terminal(run: Run, model: Path, tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "\x1b[31mred\x07.nii").write_bytes(b"no volume")
    code, _, err = run("convert", "-m", model, "-i", folder, "-o", tmp_path / "out")
    assert code == 1
    assert "\x1b" not in err
    assert "\x07" not in err


def test_converting_never_imports_torch(model: Path, scans: Path, tmp_path: Path):
    words = ["convert", "-m", str(model), "-i", str(scans / "a.nii.gz"), "-o", str(tmp_path / "out"), "-q"]
    code = f"""
import sys
sys.argv = ["mtranslate", *{words!r}]
from modality_translate.cli.main import main
try:
    main()
finally:
    print([m for m in ("torch", "monai", "onnx", "kornia") if m in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


def test_a_bar_is_drawn_on_a_terminal(capsys: Any):
    from modality_translate.cli.progress import Bar

    with Bar() as bar:
        bar.started("a.nii", 1, 2)
        bar.patches(1, 2)
        bar.finished("a.nii", "failed", "[bold]damaged")
    assert "failed: a.nii: [bold]damaged" in capsys.readouterr().err


def test_a_frame_of_a_4d_file_is_converted_when_it_is_named(run: Run, model: Path, scans: Path, tmp_path: Path):
    still = nibabel.load(scans / "a.nii.gz")
    voxels = np.asarray(still.dataobj, np.float32)
    series = tmp_path / "series.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.stack([0 * voxels, voxels], axis=-1), still.affine), series)
    code, _, err = run("convert", "-m", model, "-i", series, "-o", tmp_path / "x.nii.gz", "-d", "cpu")
    assert code == 1
    assert "is 4D with 2 frames; one volume is needed. Choose one frame (convert --frame N, counted from 0)" in err
    for source, frame in ((series, ("--frame", 1)), (scans / "a.nii.gz", ())):
        out = tmp_path / f"{source.name.removesuffix('.nii.gz')}_out.nii.gz"
        assert run("convert", "-m", model, "-i", source, "-o", out, "-d", "cpu", *frame)[0] == 0
    one, other = (np.asarray(nibabel.load(tmp_path / f"{n}_out.nii.gz").dataobj) for n in ("series", "a"))
    assert np.array_equal(one, other)


def test_parts_share_the_work_and_have_a_report_each(run: Run, model: Path, scans: Path, tmp_path: Path):
    words = ("convert", "-m", model, "-i", scans, "-o", tmp_path / "out", "-d", "cpu", "--num-parts", 2, "--part-id")
    assert [run(*words, part)[0] for part in (0, 1)] == [8, 0]
    names = [
        [volume["name"] for volume in json.loads((tmp_path / "out" / f"report-{k}-of-2.json").read_text())["volumes"]]
        for k in (0, 1)
    ]
    assert names == [["a.nii.gz", "b/damaged.nii.gz"], ["b/c.nii"]]
    assert "there is no part 2 of 2. Parts are counted from 0: give 0 to 1." in run(*words, 2)[2]


@pytest.mark.parametrize("words", [("--num-parts", 2), ("--part-id", 0)])
def test_parts_are_asked_for_with_both_flags(run: Run, model: Path, scans: Path, tmp_path: Path, words: tuple[Any]):
    code, _, err = run("convert", "-m", model, "-i", scans, "-o", tmp_path / "out", *words)
    assert code == 2
    assert "--num-parts and --part-id go together" in err


def test_a_run_is_resumed(run: Run, model: Path, scans: Path, tmp_path: Path):
    words = ("convert", "-m", model, "-i", scans, "-o", tmp_path / "out", "-d", "cpu", "--resume")
    assert run(*words)[1].startswith("2 converted, 1 failed, 0 skipped")
    (tmp_path / "out" / "a.nii.gz").unlink()
    _, out, err = run(*words)
    assert out.startswith("1 converted, 1 failed, 1 skipped")
    assert "skipped: b/c.nii: finished before, by this model from this input" in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_with_its_report(model: Path, head: Volume, tmp_path: Path, number: int, code: int):
    (tmp_path / "in").mkdir()
    for i in range(400):
        write_volume(tmp_path / "in" / f"{i:03}.nii", head)
    words = ["convert", "-m", model, "-i", tmp_path / "in", "-o", tmp_path / "out", "-d", "cpu", "--threads", "1"]
    with subprocess.Popen([sys.executable, "-m", "modality_translate", *words], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"converted: ")
        process.send_signal(number)
        said = process.stderr.read()
        assert process.wait() == code
    assert b"Traceback" not in said
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["interrupted"] is True
    whole = {volume["output"] for volume in report["volumes"]}
    assert 0 < len(whole) < 400
    assert {p.name for p in (tmp_path / "out").iterdir()} == whole | {"report.json", ".mtranslate"}


def test_an_engine_that_does_not_answer_is_left_after_a_stop(model: Path, scans: Path, tmp_path: Path):
    code = f"""
import os, sys, time
from dataclasses import replace
from modality_translate.cli.main import main
from modality_translate.runtime.translator import Translator
load = Translator.load
def stuck(patches):
    os.write(1, b"computing\\n")  # at once, as another volume may be computed beside
    time.sleep(1000)
def loaded(*model, **options):
    translator = load(*model, **options)
    return replace(translator, engine=replace(translator.engine, predict=stuck))
Translator.load = loaded
sys.argv = ["mtranslate", "convert", "-m", {str(model)!r}, "-i", {str(scans)!r}, "-o", {str(tmp_path / "out")!r}]
main()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"computing\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["interrupted"] is True
    assert report["totals"]["converted"] == 0


def test_workers_and_a_scheduler_exclude_each_other(run: Run, model: Path, scans: Path, tmp_path: Path):
    words = ("--workers", 2, "--scheduler", "tcp://127.0.0.1:1")
    code, _, err = run("convert", "-m", model, "-i", scans, "-o", tmp_path / "out", *words)
    assert code == 2
    assert "--workers and --scheduler exclude each other" in err


@pytest.mark.parametrize(("size", "words"), [("1MB", "take alone"), ("lots", "such as 4GB")])
def test_a_memory_that_cannot_be_kept_is_refused(
    run: Run, model: Path, scans: Path, tmp_path: Path, size: str, words: str
):
    code, _, err = run("convert", "-m", model, "-i", scans, "-o", tmp_path / "out", "-d", "cpu", "--memory", size)
    assert code == 2
    assert words in err
    assert not list(tmp_path.glob("out/**/*.nii.gz"))


def test_a_memory_that_suffices_changes_nothing(run: Run, model: Path, scans: Path, tmp_path: Path):
    for out, more in ("free", []), ("kept", ["--memory", "3GiB"]):
        run("convert", "-m", model, "-i", scans, "-o", tmp_path / out, "-d", "cpu", *more)
    free, kept = (sorted((tmp_path / out).rglob("*.nii.gz")) for out in ("free", "kept"))
    assert [f.read_bytes() for f in free] == [k.read_bytes() for k in kept] != []
