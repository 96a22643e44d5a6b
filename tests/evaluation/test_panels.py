import sys
from io import BytesIO

import numpy as np
import pytest
from matplotlib.image import imread

from modality_translate.errors import MissingExtraError
from modality_translate.evaluation.display import Slice, Window
from modality_translate.evaluation.panels import Images, Windows, panel_png, slice_png


@pytest.fixture
def images(ct):
    mask = ct.array > -300
    return Images(ct.array, ct.array + np.float32(200), ct.array, mask, ct.grid.spacing)


def pixels(png):
    return imread(BytesIO(png))[..., :3]


def test_a_panel_is_a_png_with_a_column_for_every_image(images):
    full = pixels(panel_png(images, Windows.of("MR", "CT")))
    alone = pixels(panel_png(Images(None, images.synthetic, None, images.mask, images.spacing), Windows.of("MR", "CT")))
    assert full.shape[1] > 4 * alone.shape[1]


def test_too_high_values_are_hot_and_too_low_values_cold_in_the_difference(images):
    def colour(error):
        wrong = Images(None, images.target + np.float32(error), images.target, images.mask, images.spacing)
        picture = pixels(panel_png(wrong, Windows.of("CT", "CT")))
        columns = picture[:, 2 * picture.shape[1] // 3 : 5 * picture.shape[1] // 6]
        return columns[..., 0].mean() - columns[..., 2].mean()

    assert colour(+200) > 0.02
    assert colour(-200) < -0.02


def test_no_global_state_of_matplotlib_is_touched(images, monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    panel_png(images, Windows.of("MR", "CT"))
    assert "matplotlib.pyplot" not in sys.modules


def test_a_slice_keeps_the_proportions_of_the_body(ct):
    coronal = pixels(slice_png(ct.array, Slice("coronal", 10), ct.grid.spacing, Window.of("CT")))
    height, width = coronal.shape[:2]
    assert height / width == pytest.approx(16 * 3 / (24 * 2), rel=0.02)


def test_a_slice_shows_the_patients_right_on_the_left(ct):
    axial = pixels(slice_png(ct.array, Slice("axial", 2), ct.grid.spacing, Window.of("CT")))[..., 0]
    half = axial.shape[1] // 2
    # The body of this volume lies towards the patient's right.
    assert axial[:, :half].mean() > axial[:, half:].mean()


def test_without_matplotlib_the_pip_line_is_named(images, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'modality-translate\[report\]'"):
        panel_png(images, Windows.of("MR", "CT"))
