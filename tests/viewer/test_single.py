"""One file from disk that is the whole page, with everything inside."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from click.testing import CliRunner

from modality_translate.cli.view import command
from modality_translate.runtime.translator import Translator
from modality_translate.viewer.assets import WEB
from modality_translate.viewer.bundle import bundle
from modality_translate.volumes import read_volume

from .conftest import status_has, tiny_model
from .test_host import SPECS, WORST, volumes


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    """A volume whose name tries to end the page's data, and a model."""
    spec = SPECS["stacks of CT to MR"]
    volume, model = tmp_path / "<img src=x onerror=alert(1)>'.nii.gz", tmp_path / "model.onnx"
    volumes(spec.source)["turned"].to_filename(volume)
    model.write_bytes(tiny_model(spec))
    return [volume, model]


def run(*arguments: object) -> Any:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_the_file_translates_when_opened_from_disk(tmp_path: Path, inputs: list[Path], open_page: Callable[[str], Any]):
    assert run("--html", tmp_path / "page.html", *inputs).exit_code == 0
    page = open_page((tmp_path / "page.html").as_uri())
    status_has(page, "passed its self-test")
    page.click("#translate")
    status_has(page, "Done")
    assert page.inner_text("#left-pane figcaption span") == inputs[0].name
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(tmp_path / "saved.nii.gz")
    saved = read_volume(tmp_path / "saved.nii.gz")
    wanted = Translator.load(inputs[1], device="cpu").translate(inputs[0], force=True)
    assert np.abs(saved.array - wanted.array).max() <= WORST * 800
    np.testing.assert_array_equal(saved.grid.affine, wanted.grid.affine)


def test_the_policy_in_the_file_lets_nothing_out(tmp_path: Path, inputs: list[Path]):
    run("--html", tmp_path / "page.html", *inputs)
    text = (tmp_path / "page.html").read_text()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'")
    assert not {"connect-src", "http", "'unsafe-inline'", "'unsafe-eval'"} & set(re.split(r"[;\s:]+", policy))
    assert re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=.(?!data:)", text.split("niivue")[0]) == []


def test_nothing_is_overwritten_unless_asked(tmp_path: Path, inputs: list[Path]):
    page = tmp_path / "page.html"
    page.write_text("mine")
    assert "exists" in str(run("--html", page, *inputs).exception)
    assert page.read_text() == "mine"
    assert run("--html", page, "--overwrite", *inputs).exit_code == 0
    assert "mine" not in page.read_text()[:10]


def test_a_report_cannot_be_inside(tmp_path: Path, inputs: list[Path]):
    (tmp_path / "report.html").write_text("")
    assert "report" in str(run("--html", tmp_path / "page.html", *inputs, tmp_path / "report.html").exception)
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("entry", ["host/worker.js", "page/single.js"])
def test_a_bundle_imports_no_module(entry: str):
    assert re.findall(r"^(?:import|export)\b", bundle(entry), re.MULTILINE) == []


def test_our_own_scripts_are_short():
    ours = [path for path in WEB.glob("*/*.js") if path.parent.name != "vendor"]
    longest = {path.name: len(path.read_text().splitlines()) for path in ours}
    assert len(longest) > 20
    assert max(longest.values()) < 250, longest


def test_a_spare_volume_of_the_same_name_is_kept_apart(tmp_path: Path, inputs: list[Path]):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        nibabel.Nifti1Image(np.ones((2, 2, 2), np.float32), np.eye(4)).to_filename(tmp_path / folder / "x.nii")
    run("--html", tmp_path / "page.html", tmp_path / "a", tmp_path / "b", inputs[1])
    assert (tmp_path / "page.html").read_text().count('"name": "x.nii"') == 2
