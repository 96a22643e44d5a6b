"""What must never be imported: by the package, by --help, and by the commands that run without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

TORCH = {"torch", "monai", "kornia"}
HEAVY = {"numpy", "scipy", "skimage", "nibabel", "pydantic", *TORCH}


def imported_by(arguments: list[str], watched: set[str]) -> set[str]:
    """Which of the watched modules are loaded when `mtranslate ARGUMENTS` has run."""
    code = f"""
import sys
sys.argv = {["mtranslate", *arguments]!r}
from modality_translate.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("loaded", *({watched!r} & set(sys.modules)))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "command", ["convert", "evaluate", "view", "inspect", "phantom", "doctor", "export", "train", "demo"]
)
def test_the_help_of_a_command_imports_no_torch(command: str):
    assert imported_by([command, "--help"], TORCH) == set()


def test_the_top_level_help_imports_nothing_heavy():
    assert imported_by(["--help"], HEAVY) == set()


def test_making_a_phantom_and_inspecting_it_imports_no_torch(tmp_path):
    assert imported_by(["phantom", "-o", str(tmp_path / "p"), "-n", "1", "--spacing", "8"], TORCH) == set()
    assert imported_by(["inspect", str(tmp_path / "p" / "ct" / "sub-000.nii.gz")], TORCH) == set()
    assert imported_by(["evaluate", "-p", str(tmp_path / "p" / "ct"), "-r", str(tmp_path / "p" / "ct")], TORCH) == set()


def test_doctor_imports_no_torch():
    assert imported_by(["doctor"], TORCH) == set()


def test_a_training_without_monai_s_networks_does_not_wait_for_its_import():
    modules = "training.run, training.session, networks, objectives, exporting".replace(", ", ", modality_translate.")
    code = f"import sys, modality_translate.{modules}; print('monai' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
