"""Air is filled, not computed; the body comes out as without the level."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modality_translate.intensities.scaling import SAME_UNITS, HostUnits
from modality_translate.pipeline import Tiling, translate_array
from modality_translate.pipeline import body as body_module
from modality_translate.pipeline.body import MARGIN, body_boxes, darkest_body, skip_level
from modality_translate.volumes.patches import corners
from modality_translate.volumes.slabs import slabs


def with_level(spec, level):
    return spec.model_copy(update={"tiling": spec.tiling.model_copy(update={"skip_below": level})})


@pytest.fixture
def array():
    """A body of 100 in a corner of noisy air."""
    air = np.random.default_rng(0).uniform(-5, 5, (40, 36, 30)).astype(np.float32)
    air[20:31, 12:20, 14:18] = 100
    return air


CUBE = Tiling(patch=(6, 6, 6), overlap=0.5, skip_below=50.0)
STACK = Tiling(patch=(6, 6, 5), halo=(0, 0, 2), overlap=0.5, skip_below=50.0)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_box_holds_the_body_and_a_margin(array, order):
    (box,) = body_boxes(np.array(array, order=order), SAME_UNITS, CUBE)
    assert box == (slice(12, 39), slice(4, 28), slice(6, 26))
    assert (20 - box[0].start, box[0].stop - 31) == (MARGIN, MARGIN)


@pytest.mark.parametrize("order", ["C", "F"])
def test_single_slices_have_a_box_each(array, order):
    """Of what their patches see: two neighbours on each side."""
    array[0:3, 28:31, 16] = 100
    boxes = body_boxes(np.array(array, order=order), SAME_UNITS, STACK)
    assert boxes == [
        (slice(12, 39), slice(4, 28), slice(12, 13)),
        (slice(12, 39), slice(4, 28), slice(13, 14)),
        *[(slice(0, 39), slice(3, 36), slice(z, z + 1)) for z in range(14, 19)],
        (slice(12, 39), slice(4, 28), slice(19, 20)),
    ]


@pytest.mark.parametrize("tiling", [CUBE, STACK])
@pytest.mark.parametrize("order", ["C", "F"])
def test_bright_noise_moves_no_box(array, tiling, order):
    """Up to two voxels wide in a slice, in as many slices as there are, and along every edge."""
    boxes = body_boxes(array, SAME_UNITS, tiling)
    array[2, 3] = array[:, 35, 9] = array[0, :, 20] = array[38:40, :2] = array[5:7, 30:32, 5] = 100
    assert body_boxes(np.array(array, order=order), SAME_UNITS, tiling) == boxes


@pytest.mark.parametrize("shape", [(1, 9, 4), (9, 1, 4), (2, 2, 4), (1, 1, 1), (2, 9, 1)])
def test_an_axis_shorter_than_the_square_may_be_filled(shape):
    assert len(body_boxes(np.full(shape, 100, np.float32), SAME_UNITS, CUBE)) == 1


@given(seed=st.integers(0, 2**32 - 1), order=st.sampled_from(["C", "F"]))
@settings(deadline=None)
def test_the_box_is_that_of_every_square(seed, order):
    """However thin the slabs are in which it is looked for."""
    rng = np.random.default_rng(seed)
    array = np.array(100 * (rng.random(rng.integers(1, 12, 3)) < rng.uniform(0.1, 0.9)), np.float32, order=order)
    wide, high = (min(3, size) for size in array.shape[:2])
    starts = product(*(range(1 + size - side) for size, side in zip(array.shape, (wide, high, 1), strict=True)))
    squares = [at for at in starts if array[at[0] : at[0] + wide, at[1] : at[1] + high, at[2]].all()]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(body_module, "MARGIN", 0)
        patched.setattr(slabs, "__kwdefaults__", {"voxels": int(rng.integers(1, 200)), "shared": 0})
        boxes = body_boxes(array, SAME_UNITS, CUBE)
    assert len(boxes) == bool(squares)
    for box in boxes:
        first, last = np.min(squares, axis=0), np.add(np.max(squares, axis=0), (wide, high, 1))
        assert box == tuple(map(slice, first, last))


@pytest.mark.parametrize(
    ("body", "box"),
    [
        ((50, 140), (32, 160)),  # 106 with its margins, one patch of 128
        ((70, 180), (60, 188)),  # 126: from 32, 48 or 56 it would end too early
        ((60, 190), (32, 256)),  # 146: two patches, 96 apart
        ((120, 280), (76, 300)),  # moved back from 96, where there is no room
        ((30, 260), (0, 300)),  # three patches take the whole axis
        ((0, 3), (0, 128)),
        ((297, 300), (172, 300)),
    ],
)
def test_boxes_of_slices_begin_where_those_of_their_neighbours_can(body: tuple[int, int], box: tuple[int, int]):
    tiling = Tiling(patch=(128, 8, 1), overlap=0.25, skip_below=0.5)
    array = np.zeros((300, 8, 1), np.float32)
    array[slice(*body)] = 1
    (found,) = body_boxes(array, SAME_UNITS, tiling)
    assert found == (slice(*box), slice(0, 8), slice(0, 1))


@given(
    size=st.integers(1, 400),
    core=st.integers(1, 150),
    overlap=st.sampled_from([0.0, 0.25, 0.5, 0.8]),
    ends=st.tuples(st.integers(0, 399), st.integers(0, 399)),
)
@settings(deadline=None)
def test_a_steady_box_holds_the_body_in_no_more_patches(size, core, overlap, ends):
    tiling = Tiling(patch=(core, 1, 1), overlap=overlap, skip_below=0.5)
    first, last = sorted(min(end, size - 1) for end in ends)
    first, last = max(0, min(first, last - 2)), min(size - 1, max(last, first + 2))
    array = np.zeros((size, 1, 1), np.float32)
    array[first : last + 1] = 1
    ((box, _, _),) = body_boxes(array, SAME_UNITS, tiling)
    tight = slice(max(0, first - MARGIN), min(size, last + 1 + MARGIN))
    assert 0 <= box.start <= tight.start < tight.stop <= box.stop <= size
    fewest, found = (len(corners((n.stop - n.start, 1, 1), tiling.core, overlap)) for n in (tight, box))
    assert found == fewest


def test_the_level_is_in_host_units(array):
    tenfold = CUBE.model_copy(update={"skip_below": 500.0})
    assert body_boxes(array, HostUnits(0.0, 10.0), tenfold) == body_boxes(array, SAME_UNITS, CUBE)
    assert body_boxes(array, HostUnits(0.0, 0.1), CUBE) == []


@pytest.mark.parametrize("tiling", [CUBE, STACK])
def test_without_a_level_the_box_is_the_volume(array, tiling):
    (box,) = body_boxes(array, SAME_UNITS, tiling.model_copy(update={"skip_below": None}))
    assert array[box].shape == array.shape


@pytest.mark.parametrize("tiling", [CUBE, STACK])
def test_voxels_of_exactly_the_level_are_air(array, tiling):
    assert body_boxes(array, SAME_UNITS, tiling.model_copy(update={"skip_below": 100.0})) == []


def test_a_slice_is_as_if_it_stood_alone(make_spec, array):
    """The body elsewhere moves no patch of it: the same answers from the slice and its neighbours alone."""
    spec = with_level(make_spec((6, 7, 3), (0, 0, 1), 0.5, modality="CT"), 50.0)
    array[2:9, 20:34, 17] = 100

    def predict(patches):
        """Tells where in its patch a voxel lies."""
        return patches[:, :, :, :, 1:2] + np.arange(42, dtype=np.float32).reshape(6, 7, 1)

    whole = translate_array(array, spec, predict)
    for z in range(12, 20):
        alone = translate_array(array[:, :, z - 1 : z + 2], spec, predict)
        np.testing.assert_array_equal(whole[:, :, z], alone[:, :, 1])


def test_patches_see_the_volume_around_the_box(make_spec, array):
    """Not an invented background: what reaches beyond the box is read from the volume."""
    spec = with_level(make_spec((40, 30, 20), modality="CT"), 50.0)
    seen = []

    def predict(patches):
        seen.extend(patches)
        return patches

    translate_array(array, spec, predict)
    np.testing.assert_array_equal(seen[0][0, :28], array[12:, 4:34, 6:26])
    assert (seen[0][0, 28:] == -1000).all()


def test_air_is_not_run_and_comes_out_as_background(make_spec, array):
    spec = with_level(make_spec((6, 6, 6), (1, 1, 1), 0.5, modality="CT"), 50.0)
    ran = []

    def predict(patches):
        ran.extend(patches)
        return np.full((len(patches), 1, 4, 4, 4), 7, np.float32)

    result = translate_array(array, spec, predict)
    assert all(patch.max() > 50 for patch in ran)
    assert 0 < len(ran) < 500
    assert (result[20:31, 12:20, 14:18] == 7).all()
    assert set(np.unique(result[:12])) == {np.float32(-1000)}
    assert result[39, 35, 29] == -1000


def test_a_volume_of_air_alone_is_all_background_and_nothing_is_run(make_spec, array):
    spec = with_level(make_spec(modality="CT"), 200.0)
    told = []
    result = translate_array(array, spec, lambda _: pytest.fail("ran"), progress=lambda *done: told.append(done))
    assert (result == -1000).all()
    assert told == [(1, 1)]


@given(
    core=st.tuples(*[st.integers(1, 5)] * 3),
    halo=st.tuples(*[st.integers(0, 1)] * 3),
    overlap=st.sampled_from([0.0, 0.5, 0.8]),
    batch=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_where_air_answers_air_the_level_changes_nothing(core, halo, overlap, batch, seed, make_spec):
    """A network without context, and cores that lie alike: identity comes back wherever the body is."""
    patch = tuple(c + 2 * h for c, h in zip(core, halo, strict=True))
    spec = make_spec(patch, halo, overlap, modality="CT")
    inner = tuple(slice(h, h + c) for c, h in zip(core, halo, strict=True))
    rng = np.random.default_rng(seed)
    array = np.full(rng.integers(1, 26, 3), -1000, np.float32)
    if rng.random() < 0.9:
        # Three voxels wide at least: less is noise.
        ends = (np.sort(rng.integers(0, n + 1, 2)) for n in array.shape)
        place = tuple(slice(max(0, min(a, b - 3)), max(b, a + 3)) for a, b in ends)
        array[place] = rng.integers(-500, 1000)

    def predict(patches):
        return patches[(slice(None), slice(None), *inner)]

    skipped = translate_array(array, with_level(spec, -600.0), predict, batch=batch)
    np.testing.assert_array_equal(skipped, translate_array(array, spec, predict, batch=batch))


@pytest.mark.parametrize("batch", [1, 2, 5, 100])
def test_batches_hold_patches_that_are_run(make_spec, array, batch):
    spec = with_level(make_spec((6, 6, 6), modality="CT"), 50.0)
    sizes = []

    def predict(patches):
        sizes.append(len(patches))
        return np.sin(patches)

    result = translate_array(array, spec, predict, batch=batch)
    np.testing.assert_array_equal(result, translate_array(array, spec, predict, batch=3))
    first = sizes[: -(-sum(sizes) // 2 // batch)]
    assert set(first[:-1]) <= {batch}


def test_files_without_a_level_do_not_name_it(make_spec):
    spec = make_spec()
    assert "skip_below" not in spec.canonical_json()
    leveled = with_level(spec, 12.5)
    assert type(spec).model_validate_json(leveled.canonical_json()) == leveled


def test_how_dark_a_body_is_is_told_by_what_is_near(body):
    array = body(0.0, 300.0, 4.0, (60, 50, 40))
    inside = array > 150
    array[30, 25, 18:22] = 0  # a dark hole in bright tissue
    assert 290 < darkest_body(array, inside) < 320
    assert darkest_body(array, np.zeros_like(inside)) == np.inf


def test_bright_grains_do_not_hide_how_dark_a_body_is(body):
    """A level above all else that is there would make air of it."""
    array = body(0.0, 300.0, 4.0, (60, 50, 40))
    inside = array > 150
    array[::4, ::4] = 5000
    array[1::4, ::4] = 5000
    assert 290 < darkest_body(array, inside) < 320


def test_a_dark_region_counts_as_body(body):
    array = body(0.0, 300.0, 4.0, (60, 50, 40))
    inside = array > 150
    array[:25] /= 5
    assert 50 < darkest_body(array, inside) < 70


def test_the_level_lies_half_way_from_air_to_the_dark_bodies():
    assert skip_level(0.0, [300.0, np.inf, 320.0, 21.0, 300.0]) == 10.5
    assert skip_level(-1000.0, [-200.0]) == -600.0


@pytest.mark.parametrize("darkest", [[], [np.inf], [0.0], [-5.0, 0.0]])
def test_bodies_as_dark_as_air_set_no_level(darkest):
    assert skip_level(0.0, darkest) is None
