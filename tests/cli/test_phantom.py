from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from modality_translate.cli.phantom import command
from modality_translate.errors import VolumeError


def test_it_names_subjects_on_stderr_and_the_folder_on_stdout(tmp_path: Path) -> None:
    folder = tmp_path / "heads"
    result = CliRunner().invoke(command, ["-o", str(folder), "-n", "2", "--spacing", "8", "--misalign", "rigid"])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{folder}\n"
    assert result.stderr == "sub-000\nsub-001\n"
    assert len(list((folder / "field").iterdir())) == 6


def test_it_keeps_out_of_a_folder_in_use_unless_told(tmp_path: Path) -> None:
    arguments = ["-o", str(tmp_path), "-n", "1", "--spacing", "8"]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    refused = CliRunner().invoke(command, arguments)
    assert isinstance(refused.exception, VolumeError)
    assert CliRunner().invoke(command, [*arguments, "--overwrite"]).exit_code == 0


def test_help_shows_a_working_line() -> None:
    result = CliRunner().invoke(command, ["--help"])
    assert "mtranslate phantom -o heads" in result.output
