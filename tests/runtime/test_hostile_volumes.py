"""A folder of volumes made to do harm, with two good ones among them, through `mtranslate convert`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from hostile_volumes import BROKEN
from modality_translate.errors import VolumeError
from modality_translate.pipeline.envelope import check_envelope
from modality_translate.pipeline.spec import Spec
from modality_translate.volumes import Volume, read_volume, write_volume
from odd_volumes import ODD, lay_traps

MEMORY = 3 * 2**30
GOOD = ("good.nii.gz", "z/good.nii.gz")
PYTHON_ERROR = re.compile(r"^[A-Za-z]+(Error|Exception|Warning)\b")


class Run(NamedTuple):
    """What a conversion of the folder did."""

    folder: Path
    out: Path
    code: int
    stderr: bytes
    volumes: dict[str, dict[str, Any]]


def sound_bytes(folder: Path, head: Volume) -> bytes:
    write_volume(folder / "sound.nii", head)
    data = (folder / "sound.nii").read_bytes()
    (folder / "sound.nii").unlink()
    return data


def listing(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in sorted(folder.rglob("*"))}


@pytest.fixture
def run(tmp_path: Path, head: Volume, model: Path) -> Run:
    folder, out = tmp_path / "in" / "scans", tmp_path / "out"
    (folder / "z").mkdir(parents=True)
    sound = sound_bytes(tmp_path, head)
    for name in GOOD:
        write_volume(folder / name, head)
    for name, make in {**BROKEN, **ODD}.items():
        # Each in a folder of its own: two inputs that would give one output are refused before any is read.
        place = folder / f"{name[:40].encode('ascii', 'replace').hex()[:60]}" / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(make(sound))
    lay_traps(folder, sound)
    before = listing(folder)
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))\n"
        "from modality_translate.cli.main import main\nmain()\n"
    )
    words = [sys.executable, "-c", code, "convert", "-m", model, "-i", folder, "-o", out, "-d", "cpu", "--trust-model"]
    done = subprocess.run(words, capture_output=True, timeout=300, check=False, cwd=tmp_path)
    assert listing(folder) == before
    report = json.loads((out / "report.json").read_text())
    return Run(folder, out, done.returncode, done.stderr, {v["name"]: v for v in report["volumes"]})


def of(run: Run, name: str) -> dict[str, Any]:
    return next(found for key, found in run.volumes.items() if Path(key).name == name)


def test_the_folder_is_converted_without_the_hostile(run: Run, head: Volume, tmp_path: Path):
    assert run.code == 8
    assert b"Traceback" not in run.stderr
    assert all(c.isprintable() for c in run.stderr.decode("utf-8").replace("\n", ""))
    for name in GOOD:
        assert run.volumes[name]["status"] == "converted"
        assert read_volume(run.out / name).grid.matches(head.grid)
    silent = [name for name in BROKEN if of(run, name)["status"] != "failed"]
    assert silent == []
    reasons = {name: of(run, name)["reason"] for name in BROKEN}
    assert {name: reason for name, reason in reasons.items() if not reason or PYTHON_ERROR.match(reason)} == {}
    lost = {name: of(run, name)["reason"] for name in ODD if of(run, name)["status"] != "converted"}
    assert lost == {}
    # What is not what its name says is named or passed over, and nothing is written for it or beside the output.
    allowed = {run.out / found["output"] for found in run.volumes.values() if found["status"] == "converted"}
    notes = set((run.out / ".mtranslate").iterdir())
    assert {path for path in run.out.rglob("*") if path.is_file()} == {*allowed, *notes, run.out / "report.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out", "model.onnx"}
    assert not list(tmp_path.rglob("owned"))


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_reading_refuses_it_and_names_it(name: str, tmp_path: Path, head: Volume, spec: Spec, capfd: Any):
    path = tmp_path / name
    path.write_bytes(BROKEN[name](sound_bytes(tmp_path, head)))
    if name in ("voxels_constant.nii", "voxels_zero.nii"):
        assert check_envelope(read_volume(path), spec)
    else:
        with pytest.raises(VolumeError, match=rf"{re.escape(str(path))}: .+"):
            read_volume(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", sorted(ODD))
def test_a_strange_but_sound_file_keeps_its_voxels(name: str, tmp_path: Path, head: Volume):
    (tmp_path / name).write_bytes(ODD[name](sound_bytes(tmp_path, head)))
    volume = read_volume(tmp_path / name)
    np.testing.assert_array_equal(volume.array, head.array[:, :, : volume.grid.shape[2]])


def test_what_may_not_be_read_is_told(tmp_path: Path, head: Volume):
    path = tmp_path / "secret.nii.gz"
    write_volume(path, head)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(VolumeError, match="permission denied"):
        read_volume(path)
