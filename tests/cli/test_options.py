from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from modality_translate.cli import convert, evaluate, export, phantom, plan, train, view


@pytest.mark.parametrize("suffix", [".html", ".json"])
@pytest.mark.parametrize("place", ["scan", "folder"])
def test_a_page_or_a_report_never_replaces_a_volume(scans: Path, tmp_path: Path, suffix: str, place: str):
    scan = scans / "a.nii.gz"
    before = scan.read_bytes()
    wanted = str(scan if place == "scan" else tmp_path)
    if suffix == ".html":
        done = CliRunner().invoke(view.command, [str(scan), "--overwrite", "--html", wanted])
    else:
        words = ["-m", "limb-mr-to-ct", "-i", str(scan), "-o", str(tmp_path / "out"), "--report", wanted]
        done = CliRunner().invoke(convert.command, words)
    assert (done.exit_code, f"does not end in {suffix}" in done.output) == (2, True)
    assert scan.read_bytes() == before


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (convert.command, ["-m", "limb-mr-to-ct", "-i", "", "-o", "out"]),
        (convert.command, ["-m", "limb-mr-to-ct", "-i", "scans", "-o", ""]),
        (export.command, ["", "-o", "m.onnx"]),
        (train.command, ["r.toml", "-o", ""]),
        (phantom.command, ["-o", ""]),
        (evaluate.command, ["-p", "", "-r", ""]),
    ],
)
def test_an_empty_name_is_not_the_current_folder(command: click.Command, words: list[str]):
    done = CliRunner().invoke(command, words)
    assert (done.exit_code, "the name is empty" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("command", "words", "suffix"),
    [
        (export.command, ["run", "-o", "model.pt"], ".onnx"),
        (plan.command, ["-a", "mr", "-b", "ct", "-o", "p.yaml"], ".toml"),
    ],
)
def test_outputs_are_named_like_what_they_hold(command: click.Command, words: list[str], suffix: str):
    done = CliRunner().invoke(command, words)
    assert (done.exit_code, f"does not end in {suffix}" in done.output) == (2, True)
