"""The plain host against the package: the same numbers from a second hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from modality_translate.intensities.foreground import foreground
from modality_translate.volumes import geometry, patches
from modality_translate.volumes.volume import Grid

sizes = st.tuples(*[st.floats(0.5, 6)] * 3)
shapes = st.tuples(*[st.integers(1, 20)] * 3)


def random(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


@settings(deadline=None, max_examples=60)
@given(shapes, sizes, sizes)
def test_resampling_is_the_packages_to_the_bit(translate: ModuleType, shape, old, new):
    affine = np.diag([*old, 1.0])
    affine[:3, 3] = (-7.3, 4.1, 12.9)
    coarse, fine = Grid(shape, affine), geometry.spaced(Grid(shape, affine), new)
    assert translate.spaced((shape, affine), new)[0] == fine.shape
    array = random(shape)
    there = geometry.resample(array, coarse, fine, -5.0)
    assert np.array_equal(translate.resample(array, (shape, affine), (fine.shape, fine.affine), -5.0), there)
    back = geometry.resample(there, fine, coarse, -5.0)
    assert np.array_equal(translate.resample(there, (fine.shape, fine.affine), (shape, affine), -5.0), back)


@given(st.integers(1, 3000), st.integers(1, 300), st.floats(0, 0.99))
def test_patches_start_where_the_packages_do(translate: ModuleType, size, length, overlap):
    assert translate.starts(size, length, overlap) == patches._starts(size, length, overlap)


@pytest.mark.parametrize("core", [(16, 24, 1), (128, 128, 1), (7, 1, 2), (32, 32, 24)])
def test_the_blending_window_is_the_packages(translate: ModuleType, core: tuple[int, int, int]):
    assert np.array_equal(translate.window(core), patches.weights(core))


@settings(deadline=None, max_examples=60)
@given(shapes, st.floats(0.1, 0.9), st.integers(0, 9), st.booleans())
def test_components_are_those_of_scipy(translate: ModuleType, shape, share, seed, flat):
    mask = random(shape, seed) < share
    structure = ndimage.generate_binary_structure(3, 1)
    if flat:
        structure[0] = structure[2] = False
    wanted, count = ndimage.label(mask, structure)
    found = translate.components(mask, flat)
    assert np.array_equal(found > 0, mask)
    assert len(np.unique(found[mask])) == count
    assert len(np.unique(found[mask] * (count + 1) + wanted[mask])) == count


@settings(deadline=None, max_examples=40)
@given(st.tuples(*[st.integers(3, 24)] * 3), sizes, st.integers(0, 9))
def test_the_foreground_is_the_packages(translate: ModuleType, shape, spacing, seed):
    smooth = ndimage.gaussian_filter(random(shape, seed), 2)
    array = (np.where(smooth > np.median(smooth), 400, 0) + 30 * random(shape, seed + 1)).astype(np.float32)
    assert np.array_equal(translate.foreground(array, spacing), foreground(array, spacing))


def test_the_foreground_of_one_value_is_empty(translate: ModuleType):
    assert not translate.foreground(np.ones((5, 6, 7), np.float32), (1.0, 1.0, 1.0)).any()


def test_it_needs_numpy_nibabel_and_onnxruntime_only(tmp_path: Path, translate: ModuleType):
    blocked = ["scipy", "skimage", "pydantic", "modality_translate", "torch", "isal"]
    script = f"import sys; sys.modules.update(dict.fromkeys({blocked})); sys.argv = ['translate.py'];" + (
        f"import runpy; runpy.run_path({translate.__file__!r})"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_nothing_is_overwritten(tmp_path: Path, translate: ModuleType):
    (tmp_path / "mine.nii").write_bytes(b"mine")
    with pytest.raises(SystemExit, match="already there"):
        translate.main("model.onnx", "in.nii", tmp_path / "mine.nii")


def test_nothing_but_arguments_prints_how_to_use_it(translate: ModuleType):
    done = subprocess.run([sys.executable, translate.__file__], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "python translate.py MODEL.onnx INPUT.nii.gz OUTPUT.nii.gz [THREADS]" in done.stderr


def test_what_cannot_be_read_gives_one_line(tmp_path: Path, translate: ModuleType):
    (tmp_path / "no.onnx").write_bytes(b"no model")
    for model in ("none.onnx", "no.onnx"):
        words = [sys.executable, translate.__file__, tmp_path / model, "none.nii", tmp_path / "out.nii"]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr.startswith("Error: ")
        assert model in done.stderr or "INVALID_PROTOBUF" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("values", [np.zeros((4, 4, 4)), np.full((4, 4, 4), np.nan), np.arange(16).reshape(2, 2, 2, 2)])
def test_a_volume_without_content_is_refused(translate: ModuleType, values: np.ndarray):
    with pytest.raises(SystemExit, match="is not 3D, has NaN or infinity, or holds one value"):
        translate.translate(values, np.eye(4), {}, None)


def test_another_field_of_view_is_refused(translate: ModuleType):
    seen = {"spacing": [[1, 1, 2], [1, 1, 3]], "extent": [[100, 100, 100], [250, 250, 200]]}
    translate.check_envelope(((200, 200, 60), np.diag([1.0, 1.0, 3.0, 1.0])), seen)
    with pytest.raises(SystemExit, match="spacing"):
        translate.check_envelope(((200, 200, 30), np.diag([1.0, 1.0, 6.5, 1.0])), seen)
    with pytest.raises(SystemExit, match="extent"):
        translate.check_envelope(((20, 200, 60), np.diag([1.0, 1.0, 3.0, 1.0])), seen)


def test_a_foreign_or_damaged_model_is_refused(tmp_path: Path, translate: ModuleType):
    shipped = Path(__file__).parents[3] / "modality_translate" / "runtime" / "models" / "limb-mr-to-ct.onnx"
    data = shipped.read_bytes()
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(data.replace(b'"overlap":0.5', b'"overlap":0.0'))
    assert damaged.read_bytes() != data
    with pytest.raises(SystemExit, match="hash does not match"):
        translate.load(damaged)


def test_the_orientation_codes_of_the_input_are_kept(tmp_path: Path, translate: ModuleType):
    image = nibabel.Nifti1Image(random((3, 4, 5)), np.diag([-1.0, 2.0, 3.0, 1.0]))
    image.set_qform(image.affine, 1)
    image.set_sform(image.affine, 4)
    translate.save(random((3, 4, 5)), image, {"target": {"stored": "float32"}}, tmp_path / "out.nii")
    found = nibabel.load(tmp_path / "out.nii")
    assert (int(found.header["qform_code"]), int(found.header["sform_code"])) == (1, 4)
    assert np.array_equal(found.affine, image.affine)
