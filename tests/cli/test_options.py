from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from modality_translate.cli import convert, view


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
