from __future__ import annotations

import numpy as np
import pytest

from modality_translate.phantom.shapes import Region, blob, capsule, ellipsoid, smooth_union, tube
from modality_translate.phantom.tissues import Label


@pytest.fixture
def region() -> Region:
    x, y, z = (a.astype(np.float32) for a in np.meshgrid(*[np.arange(-20, 21)] * 3, indexing="ij"))
    empty = np.zeros(x.shape, np.uint8)
    return Region(x, y, z, x * 0, x * 0, empty, empty.copy())


def test_a_sphere_is_an_exact_distance(region: Region) -> None:
    distance = ellipsoid(region, (1, 2, 3), (10, 10, 10))
    expected = np.sqrt((region.x - 1) ** 2 + (region.y - 2) ** 2 + (region.z - 3) ** 2) - 10
    off_centre = expected > -9
    np.testing.assert_allclose(distance[off_centre], expected[off_centre], atol=1e-3)


def test_an_ellipsoid_is_zero_on_its_surface(region: Region) -> None:
    distance = ellipsoid(region, (0, 0, 0), (5, 10, 15))
    for point in ((25, 20, 20), (20, 30, 20), (20, 20, 35)):
        assert distance[point] == pytest.approx(0, abs=1e-4)


def test_a_capsule_ends_round(region: Region) -> None:
    distance = capsule(region, (0, 0, -5), (0, 0, 5), 3)
    assert distance[20, 20, 20 + 8] == pytest.approx(0, abs=1e-5)
    assert distance[23, 20, 20] == pytest.approx(0, abs=1e-5)


def test_a_smooth_union_never_loses_material(region: Region) -> None:
    a, b = ellipsoid(region, (-6, 0, 0), (8, 8, 8)), ellipsoid(region, (6, 0, 0), (8, 8, 8))
    joined = smooth_union(a, b, 6)
    assert (joined <= np.minimum(a, b)).all()
    assert (joined < 0).sum() > ((a < 0) | (b < 0)).sum()


def test_layers_are_painted_from_outside_to_inside(region: Region) -> None:
    blob(region, (0, 0, 0), (10, 10, 10), (0, Label.BONE), (3, Label.MARROW))
    tube(region, [(0, 0, -4), (0, 0, 4)], 2, (0, Label.CSF))
    line = region.labels[20:32, 20, 20]
    assert line[0] == Label.CSF
    assert line[5] == Label.MARROW
    assert line[8] == Label.BONE
    assert line[11] == Label.AIR


def test_a_box_outside_the_region_is_empty(region: Region) -> None:
    assert region.within((50, 50, 50), (60, 60, 60)).labels.size == 0
    blob(region, (90, 0, 0), (5, 5, 5), (0, Label.BONE))
    assert not region.labels.any()
