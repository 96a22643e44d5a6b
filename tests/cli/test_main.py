from __future__ import annotations

import subprocess
import sys
from typing import Any

import click
import pytest

from modality_translate.cli import main as entry
from modality_translate.errors import DeviceError

HEAVY = ("torch", "monai", "kornia", "numpy", "nibabel", "onnxruntime", "pydantic", "rich")


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mtranslate", *words])
    with pytest.raises(SystemExit, match=r"\d") as ended:
        entry.main()
    return int(str(ended.value.code))


def test_help_lists_every_command(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    assert run(monkeypatch, "--help") == 0
    said = capsys.readouterr().out
    assert all(name in said for name in entry.COMMANDS)


def test_an_unknown_command_shows_the_choices(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    assert run(monkeypatch, "translate") == 2
    assert "choose one of: phantom" in capsys.readouterr().err


def test_a_library_error_is_one_printable_line(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    def fail(**_: Any) -> None:
        raise DeviceError("cuda:0", "is\nmissing\x1b[31m.")

    monkeypatch.setattr(entry.mtranslate, "main", fail)
    assert run(monkeypatch, "doctor") == 5
    assert capsys.readouterr().err == "Error: cuda:0: is missing?[31m.\n"


def test_an_interrupt_exits_with_130(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    def interrupt(**_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(entry.mtranslate, "main", interrupt)
    assert run(monkeypatch, "doctor") == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_every_command_is_documented_with_an_example():
    for name in ("plan", "export", "convert", "inspect", "doctor"):
        command = entry.mtranslate.get_command(click.Context(entry.mtranslate), name)
        assert command is not None
        assert f"Example: mtranslate {name}" in (command.help or "")
        assert all(p.help for p in command.params if isinstance(p, click.Option))


def imported_by(*words: str) -> list[str]:
    code = f"""
import sys
sys.argv = ["mtranslate", *{words!r}]
from modality_translate.cli.main import main
try:
    main()
except SystemExit:
    pass
print("\\n" + " ".join(m for m in {HEAVY!r} if m in sys.modules))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return found.stdout.splitlines()[-1].split()


@pytest.mark.parametrize("words", [("--help",), ("convert", "--help"), ("export", "--help"), ("doctor", "--help")])
def test_help_imports_nothing_heavy(words: tuple[str, ...]):
    assert imported_by(*words) == []


@pytest.mark.parametrize("name", ["phantom", "evaluate", "inspect", "demo", "plan", "train"])
def test_no_help_imports_torch(name: str):
    assert "torch" not in imported_by(name, "--help")
