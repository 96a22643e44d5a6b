"""The programs in export/README.md, run as they stand there without torch, give what `mtranslate convert` gives."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import nibabel
import numpy as np
import pytest

from modality_translate.runtime.shipped import located

ROOT = Path(__file__).parents[2]
LEAN = ROOT / ".venv-lean" / "bin" / "python"
README = ROOT / "export" / "README.md"
PROGRAMS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
NOT_IN_A_HOST = ("scipy", "skimage", "pydantic", "isal", "modality_translate", "torch")
BLOCKED = f"import sys; sys.modules.update(dict.fromkeys({NOT_IN_A_HOST}))\n"


@pytest.fixture
def python() -> str:
    if not LEAN.exists():
        pytest.skip("needs the lean environment: make lean")
    return str(LEAN)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A model and two scans, one of them oblique, where the README's programs look for them."""
    shutil.copy(located("limb-mr-to-ct"), tmp_path / "model.onnx")
    (tmp_path / "scans").mkdir()
    turn = np.deg2rad(10)
    oblique = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    for name, turned in ("a", np.eye(3)), ("b", oblique):
        place = np.indices((64, 60, 21)).T / (32, 30, 10.5) - 1
        body = (place[..., 0] ** 2 + place[..., 1] ** 2 < 0.6).T * 600.0
        affine = np.eye(4)
        affine[:3, :3] = turned @ np.diag([-1.4, -1.4, 4.0])
        array = (body + np.random.default_rng(1).random(body.shape) * 100).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / "scans" / f"{name}.nii.gz")
    return tmp_path


def run(python: str, desk: Path, *words: str) -> None:
    path = {"PYTHONPATH": str(ROOT)}
    subprocess.run([python, *words], cwd=desk, env={**os.environ, **path}, check=True, stdout=subprocess.DEVNULL)


def voxels(path: Path) -> tuple[bytes, bytes, np.dtype]:
    image = nibabel.load(path)
    return np.asanyarray(image.dataobj).tobytes(), image.affine.tobytes(), image.get_data_dtype()


def test_there_is_one_with_the_package_and_one_without():
    with_package, without = PROGRAMS
    assert "from modality_translate import" in with_package
    assert "modality_translate" not in without
    assert all(len(program.splitlines()) <= 20 for program in PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS, ids=["with the package", "without it"])
def test_a_program_gives_what_convert_gives_to_the_bit(program: str, python: str, desk: Path):
    convert = ["convert", "-m", "model.onnx", "-i", "scans", "-o", "expected", "-d", "cpu", "--quiet"]
    convert += ["--engine", "onnxruntime"]
    run(python, desk, "-m", "modality_translate", *convert)
    if "modality_translate" not in program:
        shutil.copy(ROOT / "export" / "python" / "translate.py", desk)
        program = BLOCKED + program
    (desk / "program.py").write_text(program)
    run(python, desk, "program.py")
    for name in ("a.nii.gz", "b.nii.gz"):
        assert voxels(desk / "synthetic" / name) == voxels(desk / "expected" / name)
        assert np.ptp(nibabel.load(desk / "synthetic" / name).get_fdata()) > 500
