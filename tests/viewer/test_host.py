"""The host in a real browser against `Translator`: the same volume out, whatever the volume looks like."""

from __future__ import annotations

import base64
from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from modality_translate.intensities.scaling import Percentile, Window
from modality_translate.pipeline.spec import Channel, Spec, Tiling
from modality_translate.runtime.translator import Translator
from modality_translate.volumes import Volume, read_volume, write_volume

from .conftest import tiny_model

WORST = 5e-4
"""Of the target's range."""
SPECS = {
    "slices of MR to CT": Spec(
        name="slices",
        source=Channel.of("MR"),
        target=Channel.of("CT"),
        spacing=(2.0, 2.0, 3.0),
        tiling=Tiling(patch=(12, 10, 1)),
    ),
    "stacks of CT to MR": Spec(
        name="stacks",
        source=Channel.of("CT", Window(lo=-1024, hi=3071)),
        target=Channel.of("MR", Percentile(top=800)),
        spacing=None,
        tiling=Tiling(patch=(11, 12, 3), halo=(0, 0, 1), overlap=0.25),
    ),
    "cubes of PET to CT": Spec(
        name="cubes",
        source=Channel.of("PET"),
        target=Channel.of("CT"),
        spacing=(2.5, 2.0, 1.5),
        tiling=Tiling(patch=(9, 10, 8), halo=(1, 1, 1)),
    ),
    "slices of MR without air": Spec(
        name="airless",
        source=Channel.of("MR"),
        target=Channel.of("CT"),
        tiling=Tiling(patch=(6, 7, 1), overlap=0.0, skip_below=400.0),
    ),
}


def ball(shape: tuple[int, int, int], source: Channel) -> np.ndarray:
    """A ball with a lopsided core in noise, in the units of the source."""
    random = np.random.default_rng(3)
    place = np.indices(shape) - (np.array(shape) // 2)[:, None, None, None]
    near = ((place / (np.array(shape) / 2)[:, None, None, None]) ** 2).sum(axis=0)
    tissue = 0.4 * (near < 0.8) + 0.5 * (near < 0.3) * (place[0] > 0) + random.uniform(0, 0.05, shape)
    low, high = {"MR": (0, 900), "CT": (-1000, 1500), "PET": (0, 12)}[source.modality]
    return low + tissue * (high - low)


def volumes(source: Channel) -> dict[str, nibabel.Nifti1Image]:
    """Oblique, flipped, anisotropic, odd-sized, flat, big-endian, scaled and qform-only files."""
    tilt = np.array([[0.96, -0.20, 0.1960], [0.2, 0.9798, 0.0], [-0.1921, 0.0392, 0.9806]])
    oblique, flipped = np.eye(4), np.diag([-2.0, -1.5, 4.0, 1.0])
    oblique[:3, :3], oblique[:3, 3] = tilt @ np.diag([-2.0, 2.0, 3.0]), (10, 20, -30)
    turned = np.array([[0, 0, 2.2, -5], [-1.1, 0, 0, 3], [0, 3.7, 0, 7], [0, 0, 0, 1]])
    images = {
        "oblique": nibabel.Nifti1Image(ball((13, 12, 11), source).astype(np.float32), oblique),
        "flipped": nibabel.Nifti1Image(ball((14, 15, 9), source).astype(np.float64), flipped),
        "turned": nibabel.Nifti1Image(ball((15, 7, 17), source).astype(np.float32), turned),
        "four slices": nibabel.Nifti1Image(ball((16, 21, 4), source).astype(np.float32), np.diag([1, 1.2, 6, 1])),
    }
    big = nibabel.Nifti1Header(endianness=">")
    big.set_data_dtype(np.dtype(">f4"))
    images["big-endian"] = nibabel.Nifti1Image(ball((9, 10, 12), source).astype(">f4"), oblique, big)
    scaled = nibabel.Nifti1Image(np.rint(ball((12, 10, 8), source) * 10).astype(np.int16), np.diag([2, 2, 2.5, 1]))
    scaled.header.set_slope_inter(0.1, 0.25)
    images["scaled"] = scaled
    by_qform = nibabel.Nifti1Image(ball((10, 11, 9), source).astype(np.float32), None)
    by_qform.set_qform(oblique, 1)
    images["qform"] = by_qform
    images["second version"] = nibabel.Nifti2Image(ball((10, 11, 9), source).astype(np.float32), flipped)
    return images


def write(folder: Path, images: dict[str, nibabel.Nifti1Image]) -> list[Path]:
    paths = [folder / f"{name}.nii{'.gz' if place % 2 else ''}" for place, name in enumerate(images)]
    for path, image in zip(paths, images.values(), strict=True):
        image.to_filename(path)
    return paths


def save(answer: dict[str, Any], path: Path) -> Volume:
    assert "nifti" in answer, answer
    path.write_bytes(base64.b64decode(answer["nifti"]))
    return read_volume(path)


def reference(model: Path, path: Path, stored: Any, folder: Path) -> Volume:
    synthetic = Translator.load(model, device="cpu", threads=1).translate(path, force=True)
    written = folder / "reference.nii"
    write_volume(written, synthetic, dtype=stored, overwrite=True)
    return read_volume(written)


def assert_same_header(one: Path, other: Path) -> None:
    """Every field, but for the description and the last bits of what is computed."""
    ours, theirs = (nibabel.load(path).header for path in (one, other))
    for name in theirs:
        if theirs[name].dtype.kind == "f":
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5, atol=1e-5, err_msg=name)
        elif name != "descrip":
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


@pytest.mark.parametrize("kind", SPECS)
def test_the_browser_gives_the_volume_that_the_translator_gives(
    kind: str, tmp_path: Path, in_browser: Callable[..., list[dict[str, Any]]]
):
    spec = SPECS[kind]
    model = tmp_path / "model.onnx"
    model.write_bytes(tiny_model(spec))
    paths = write(tmp_path, volumes(spec.source))
    answers = in_browser("translate", model.read_bytes(), [path.read_bytes() for path in paths])
    low, high = spec.target.scaling.fixed.range
    for path, answer in zip(paths, answers, strict=True):
        ours, theirs = save(answer, tmp_path / "web.nii"), reference(model, path, spec.target.stored, tmp_path)
        apart = np.abs(ours.array - theirs.array).max() / (high - low)
        assert apart <= WORST, (path.name, apart)
        assert np.ptp(theirs.array) > 0.1 * (high - low), path.name
        source = read_volume(path)
        assert_same_header(tmp_path / "web.nii", tmp_path / "reference.nii")
        if path.stem == "qform":
            np.testing.assert_allclose(ours.grid.affine, source.grid.affine, atol=1e-5)
        else:
            np.testing.assert_array_equal(ours.grid.affine, source.grid.affine, path.name)


def test_all_48_storage_orders_give_the_same_volume(tmp_path: Path, in_browser: Callable[..., list[dict[str, Any]]]):
    spec = SPECS["cubes of PET to CT"]
    model = tmp_path / "model.onnx"
    model.write_bytes(tiny_model(spec))
    plain = nibabel.Nifti1Image(ball((9, 8, 10), spec.source).astype(np.float32), np.diag([2.0, 3.0, 2.5, 1.0]))
    orders = [
        np.array(list(zip(axes, flips, strict=True)))
        for axes in permutations(range(3))
        for flips in product((1, -1), repeat=3)
    ]
    stored = [plain.as_reoriented(order).to_bytes() for order in orders]
    answers = in_browser("translate", model.read_bytes(), [plain.to_bytes(), *stored])
    wanted = base64.b64decode(answers[0]["nifti"])
    (tmp_path / "wanted.nii").write_bytes(wanted)
    plain.to_filename(tmp_path / "plain.nii")
    theirs = reference(model, tmp_path / "plain.nii", "int16", tmp_path)
    np.testing.assert_allclose(read_volume(tmp_path / "wanted.nii").array, theirs.array, atol=WORST * 4095)
    for order, file, answer in zip(orders, stored, answers[1:], strict=True):
        image = nibabel.Nifti1Image.from_bytes(base64.b64decode(answer["nifti"]))
        expected = nibabel.Nifti1Image.from_bytes(wanted).as_reoriented(order)
        np.testing.assert_array_equal(image.affine, nibabel.Nifti1Image.from_bytes(file).affine)
        np.testing.assert_array_equal(image.get_fdata(), expected.get_fdata(), str(order))
