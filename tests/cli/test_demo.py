from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from modality_translate.cli.demo import command
from modality_translate.errors import TranslationError


def demo(*arguments: object) -> str:
    result = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output


def test_a_folder_that_is_no_demo_is_never_emptied(tmp_path: Path):
    mine = tmp_path / "train" / "precious.nii.gz"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    with pytest.raises(TranslationError, match="is not empty and not an earlier demo's"):
        demo("-o", tmp_path, "--overwrite")
    assert mine.read_bytes() == b"mine"


def test_an_earlier_demo_is_kept_unless_asked(tmp_path: Path):
    (tmp_path / ".mtranslate-demo").touch()
    with pytest.raises(TranslationError, match="holds an earlier demo"):
        demo("-o", tmp_path)


@pytest.mark.slow
def test_the_whole_journey_ends_with_a_report_and_a_model(tmp_path: Path):
    said = demo("-o", tmp_path / "demo", "--subjects", 3, "--spacing", 6, "--steps", 10)
    report = (tmp_path / "demo" / "report.html").read_text()
    assert "voxel-wise lookup" in report
    assert "all water" in report
    assert (tmp_path / "demo" / "model.onnx").stat().st_size > 100_000
    assert "On heads never trained on" in said
