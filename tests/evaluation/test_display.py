import numpy as np
import pytest

from modality_translate.evaluation.display import Slice, Window, central_slices

RIGHT, FRONT, HEAD = (9, 4, 2), (5, 7, 2), (5, 4, 4)


def seen(voxel, plane, index):
    """Row and column of one bright voxel of a RAS+ volume."""
    array = np.zeros((10, 8, 5))
    array[voxel] = 1
    picture = Slice(plane, index).of(array)
    return tuple(int(i[0]) for i in np.nonzero(picture))


def test_the_patients_right_is_on_the_left_of_axial_and_coronal_pictures():
    assert seen(RIGHT, "axial", 2)[1] == 0
    assert seen(RIGHT, "coronal", 4)[1] == 0


def test_the_front_is_up_in_axial_and_left_in_sagittal_pictures():
    assert seen(FRONT, "axial", 2)[0] == 0
    assert seen(FRONT, "sagittal", 5)[1] == 0


def test_the_head_is_up_in_coronal_and_sagittal_pictures():
    assert seen(HEAD, "coronal", 4)[0] == 0
    assert seen(HEAD, "sagittal", 5)[0] == 0


@pytest.mark.parametrize(
    ("plane", "height", "width", "sides"),
    [("axial", 2, 1, ("R", "L", "A")), ("coronal", 3, 1, ("R", "L", "S")), ("sagittal", 3, 2, ("A", "P", "S"))],
)
def test_proportions_and_sides_belong_to_the_plane(plane, height, width, sides):
    place = Slice(plane, 0)
    assert place.pixel((1, 2, 3)) == (height, width)
    assert place.sides == sides


def test_slices_go_through_the_middle_of_the_mask():
    mask = np.zeros((20, 20, 20), bool)
    mask[2:5, 10:15, 6:13] = True
    assert central_slices(mask) == [Slice("axial", 9), Slice("coronal", 12), Slice("sagittal", 3)]


def test_a_window_can_be_fitted_to_arbitrary_units():
    array = np.linspace(0, 2000, 1001).reshape(7, 11, 13)
    window = Window.fitted(array, array <= 1000)
    assert (window.low, window.high) == pytest.approx((5, 995), abs=1)
    assert Window.fitted(np.zeros((2, 2, 2)), np.ones((2, 2, 2), bool)).high > 0


def test_a_window_says_its_unit():
    assert str(Window.of("CT")) == "-160 to 240 HU"
