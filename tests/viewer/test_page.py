"""The page as a person uses it: open, translate, look, compare, save."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from modality_translate.runtime.translator import Translator
from modality_translate.volumes import read_volume

from .conftest import status_has, tiny_model, wait_for
from .test_host import SPECS, WORST, volumes

PLACES = "(ids) => ids.map((id) => document.getElementById(id).getBoundingClientRect().toJSON())"


def drawn(page: Any, side: str) -> np.ndarray:
    """The brightness of the pixels of a pane."""
    from io import BytesIO

    from PIL import Image

    picture = page.locator(f"#{side}-pane canvas").screenshot()
    return np.asarray(Image.open(BytesIO(picture)).convert("L"), float)


@pytest.fixture
def case(tmp_path: Path) -> tuple[Path, Path]:
    """A volume and a model for it."""
    spec = SPECS["slices of MR to CT"]
    (tmp_path / "model.onnx").write_bytes(tiny_model(spec))
    volumes(spec.source)["oblique"].to_filename(tmp_path / "mr.nii.gz")
    return tmp_path / "mr.nii.gz", tmp_path / "model.onnx"


def test_a_volume_is_translated_shown_and_saved(
    tmp_path: Path, case: tuple[Path, Path], serve: Callable[..., str], open_page: Callable[[str], Any]
):
    page = open_page(serve(*case))
    status_has(page, "passed its self-test")
    assert page.evaluate("crossOriginIsolated")
    page.click("#translate")
    status_has(page, "Done")
    assert "synthetic" in page.inner_text("#right-pane figcaption span")
    assert page.evaluate("[...document.querySelectorAll('#right-low, #right-high')].map((e) => e.value)") == [
        "-160",
        "240",
    ]
    page.wait_for_timeout(300)
    assert drawn(page, "left").std() > 10
    assert drawn(page, "right").std() > 10
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == "mr_synthetic-CT.nii.gz"
    download.value.save_as(tmp_path / "saved.nii.gz")
    saved, wanted = (
        read_volume(tmp_path / "saved.nii.gz"),
        Translator.load(case[1], device="cpu").translate(case[0], force=True),
    )
    assert np.abs(saved.array - wanted.array).max() <= WORST * 4095
    np.testing.assert_array_equal(saved.grid.affine, wanted.grid.affine)
    assert b"mtranslate web slices" in gzip.decompress((tmp_path / "saved.nii.gz").read_bytes())[:348]


def test_a_narrow_screen_shows_the_images_in_full_width_above_the_controls(
    case: tuple[Path, Path], serve: Callable[..., str], open_page: Callable[[str], Any]
):
    page = open_page(serve(*case))
    page.set_viewport_size({"width": 420, "height": 800})
    # At one moment: what is said in the header moves everything below it while the page comes up.
    left, right, controls = page.evaluate(PLACES, ["left-pane", "right-pane", "controls"])
    assert left["width"] == right["width"] == controls["width"] == 420
    assert left["y"] + left["height"] <= right["y"]
    assert right["y"] + right["height"] <= controls["y"]
    assert controls["y"] + controls["height"] <= 800


def test_two_volumes_are_compared_by_difference_and_flicker(
    tmp_path: Path, serve: Callable[..., str], open_page: Callable[[str], Any]
):
    array = np.random.default_rng(1).uniform(0, 100, (20, 20, 20)).astype(np.float32)
    for name, values in (("a", array), ("b", array + 5)):
        nibabel.Nifti1Image(values, np.eye(4)).to_filename(tmp_path / f"{name}.nii")
    nibabel.Nifti1Image(array, 2 * np.eye(4)).to_filename(tmp_path / "other.nii")
    page = open_page(serve(tmp_path))
    wait_for(page, "document.querySelector('#right-pane figcaption span').textContent === 'b.nii'")
    page.check("input[value=difference]")
    wait_for(page, "document.querySelector('#right-pane figcaption span').textContent === 'b.nii minus a.nii'")
    # 5 everywhere, to float32 rounding: the window is as wide as the difference.
    assert float(page.input_value("#right-high")) == pytest.approx(5, abs=1e-4)
    page.select_option("#right", label="other.nii")
    status_has(page, "different grids")
    page.select_option("#right", label="b.nii")
    page.check("input[value=flicker]")
    for wanted in ("hidden", "visible", "hidden"):
        wait_for(page, f"getComputedStyle(document.getElementById('right-pane')).visibility === {wanted!r}")


def test_crosshairs_are_linked_in_the_patients_space(
    tmp_path: Path, serve: Callable[..., str], open_page: Callable[[str], Any]
):
    array = np.random.default_rng(1).uniform(0, 100, (20, 20, 20)).astype(np.float32)
    nibabel.Nifti1Image(array, np.diag([2.0, 2, 2, 1])).to_filename(tmp_path / "a.nii")
    nibabel.Nifti1Image(array[::-1, :, ::2], np.diag([-2.0, 2, 4, 1]) + np.eye(4, k=3) * 38).to_filename(
        tmp_path / "b.nii"
    )
    page = open_page(serve(tmp_path))
    wait_for(page, "document.querySelector('#right-pane figcaption span').textContent === 'b.nii'")
    page.wait_for_timeout(300)
    before = drawn(page, "right")
    box = page.locator("#left-pane canvas").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 8, box["y"] + box["height"] / 3)
    page.wait_for_timeout(500)
    assert np.abs(drawn(page, "right") - before).max() > 50
    # The same tissue under both crosshairs, to the interpolation between slices twice as thick.
    here, there = (float(page.inner_text(f"#{side}-pane output")) for side in ("left", "right"))
    assert here in array.round(4) or here > 0
    assert there > 0


def test_a_running_translation_can_be_cancelled_and_begun_again(
    tmp_path: Path, case: tuple[Path, Path], serve: Callable[..., str], open_page: Callable[[str], Any]
):
    array = np.random.default_rng(1).uniform(0, 900, (60, 60, 30)).astype(np.float32)
    nibabel.Nifti1Image(array, np.diag([2.0, 2, 3, 1])).to_filename(tmp_path / "mr.nii.gz")
    page = open_page(serve(*case))
    status_has(page, "passed its self-test")
    page.click("#translate")
    status_has(page, "Translating")
    page.click("#cancel")
    status_has(page, "Cancelled")
    wait_for(page, "!document.getElementById('translate').disabled")
    page.click("#translate")
    status_has(page, "Translating")


def test_dropped_files_are_taken_and_bad_ones_named(
    tmp_path: Path, case: tuple[Path, Path], serve: Callable[..., str], open_page: Callable[[str], Any]
):
    (tmp_path / "empty.html").write_text("")
    (tmp_path / "bad.nii.gz").write_bytes(case[0].read_bytes()[:-40])
    page = open_page(serve(tmp_path / "empty.html"))
    wait_for(page, "document.querySelector('#reports a') !== null")
    page.set_input_files("#add-volumes", str(tmp_path / "bad.nii.gz"))
    status_has(page, "bad.nii.gz: The file is damaged or cut off")
    page.set_input_files("#add-volumes", str(case[0]))
    wait_for(page, "document.querySelector('#right-pane figcaption span').textContent === 'mr.nii.gz'")
    page.set_input_files("#add-model", str(case[1]))
    status_has(page, "passed its self-test")
