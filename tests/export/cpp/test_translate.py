"""What the C++ host says to a user; its numbers are proven by the conformance kit (tests/export/test_hosts.py)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

pytestmark = pytest.mark.slow
SHIPPED = Path(__file__).parents[3] / "modality_translate" / "runtime" / "models" / "limb-mr-to-ct.onnx"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def host(cpp_host: Path) -> Run:
    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([cpp_host, *map(str, words)], check=False, capture_output=True, text=True, timeout=60)

    return run


@pytest.fixture
def limb(tmp_path: Path) -> Path:
    """Within the shipped model's field of view."""
    array = np.random.default_rng(0).random((60, 60, 20), np.float32) * 300
    nibabel.save(nibabel.Nifti1Image(array, np.diag([-1.5, -1.5, 6.0, 1.0])), tmp_path / "limb.nii.gz")
    return tmp_path / "limb.nii.gz"


def refused(done: subprocess.CompletedProcess[str], output: Path, reason: str) -> None:
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not output.exists()


def test_wrong_usage_is_told(host: Run):
    for words in (
        ("model.onnx",),
        ("model.onnx", "in.nii", "out.nii", "many"),
        ("model.onnx", "in.nii", "out.nii", "1", "2"),
    ):
        done = host(*words)
        assert done.returncode == 2
        assert done.stderr == "Usage: translate MODEL.onnx INPUT.nii.gz OUTPUT.nii.gz [THREADS]\n"


def test_nothing_is_overwritten(host: Run, limb: Path, tmp_path: Path):
    (tmp_path / "mine.nii").write_bytes(b"mine")
    done = host(SHIPPED, limb, tmp_path / "mine.nii")
    assert (done.returncode, done.stderr) == (1, f"Error: {tmp_path}/mine.nii: is already there.\n")
    assert (tmp_path / "mine.nii").read_bytes() == b"mine"


def test_a_model_that_is_missing_foreign_or_damaged_is_refused(host: Run, limb: Path, tmp_path: Path):
    output = tmp_path / "out.nii"
    refused(host(tmp_path / "none.onnx", limb, output), output, "cannot be opened")
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(SHIPPED.read_bytes().replace(b'"overlap":0.5', b'"overlap":0.0'))
    refused(host(damaged, limb, output), output, "hash does not match")
    damaged.write_bytes(b"no model at all")
    refused(host(damaged, limb, output), output, "")


def save(path: Path, array: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nibabel.save(nibabel.Nifti1Image(array, np.diag([-1.5, -1.5, 6.0, 1.0]) if affine is None else affine), path)
    return path


def test_a_volume_that_cannot_be_used_is_refused(host: Run, limb: Path, tmp_path: Path):
    output, source = tmp_path / "out.nii", tmp_path / "in.nii"
    array = nibabel.load(limb).get_fdata(dtype=np.float32)
    refused(host(SHIPPED, save(source, np.full_like(array, 3)), output), output, "one value only")
    refused(host(SHIPPED, save(source, array[:, :, :3]), output), output, "the model was trained on voxels of")
    refused(host(SHIPPED, save(source, np.stack([array, array], -1)), output), output, "more than one volume")
    refused(host(SHIPPED, save(source, array * (1 + 1j)), output), output, "unsupported type (COMPLEX64)")
    refused(
        host(
            SHIPPED, save(source, array, np.array([[2.0, 2, 0, 0], [2, 2, 0, 0], [0, 0, 6, 0], [0, 0, 0, 1]])), output
        ),
        output,
        "cannot place voxels",
    )
    array[5, 6, 7] = np.nan
    refused(host(SHIPPED, save(source, array), output), output, "NaN or infinite")
    source.write_bytes(limb.read_bytes()[:1000])
    refused(host(SHIPPED, source, output), output, "")
    refused(host(SHIPPED, tmp_path / "none.nii", output), output, "no such file")


def test_a_full_disk_is_told_and_leaves_nothing(host: Run, limb: Path, tmp_path: Path, cpp_host: Path):
    # 20 kB may be written: too little for the result.
    command = ["bash", "-c", 'ulimit -f 20; trap "" XFSZ; "$@"', "bash", cpp_host, SHIPPED, limb, tmp_path / "out.nii"]
    done = subprocess.run([*map(str, command)], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "could not be written; is the disk full?" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["limb.nii.gz"]


def test_a_truncated_volume_is_refused(host: Run, limb: Path, tmp_path: Path):
    half, output = tmp_path / "half.nii.gz", tmp_path / "out.nii"
    half.write_bytes(limb.read_bytes()[: limb.stat().st_size // 2])
    refused(host(SHIPPED, half, output), output, "ends too early")


def test_an_output_that_cannot_be_written_is_told(host: Run, limb: Path, tmp_path: Path):
    refused(host(SHIPPED, limb, tmp_path / "nowhere" / "out.nii"), tmp_path / "nowhere", "folder that is not there")
    refused(host(SHIPPED, limb, tmp_path / "out.mgz"), tmp_path / "out.mgz", "must end in .nii or .nii.gz")
