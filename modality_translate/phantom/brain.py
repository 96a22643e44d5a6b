"""The brain inside the cavity of the skull: folded cortex, white matter, nuclei, ventricles, cerebellum, stem."""

from __future__ import annotations

import numpy as np

from modality_translate.phantom.body import Body
from modality_translate.phantom.noise import Point
from modality_translate.phantom.shapes import Region, blob, ellipsoid, tube
from modality_translate.phantom.skull import cavity
from modality_translate.phantom.tissues import Label
from modality_translate.volumes.volume import Array

_SULCUS = 17.0
"""How deep the sulci reach on average from the brain's outer surface, mm."""


def paint_brain(region: Region, inner: Array, body: Body) -> None:
    """Fill the cavity (`inner` < 0) with CSF and the brain."""
    region.paint(inner < 0, Label.CSF)
    depth = -inner - (body.gap + 0.5 * region.rough)
    _paint_cerebrum(region, depth, body)
    _paint_nuclei(region)
    _paint_cerebellum(region, body)
    _paint_stem(region)
    _paint_ventricles(region, body.ventricles)
    _paint_sinus(region, inner)


def _paint_cerebrum(region: Region, depth: Array, body: Body) -> None:
    """`outside` is the distance to the nearest pial surface: grey up to the cortex thickness, white beyond."""
    outer = np.minimum(np.minimum(depth, _above_tentorium(region)), _around_stem(region))
    sulcus = np.maximum(np.abs(region.fold) - 0.7, outer - (_SULCUS + 5 * region.rough))
    outside = np.minimum(np.minimum(outer, sulcus), np.minimum(_fissure(region), _sylvian(region)))
    region.paint(outside > 0, Label.GREY)
    region.paint(outside > body.cortex, Label.WHITE)


def _above_tentorium(region: Region) -> Array:
    """The tent over the cerebellum: highest in the middle in front, falling sideways and backwards."""
    tent = -9 - 0.30 * np.abs(region.x) + 0.2 * (region.y + 35)
    return np.asarray(
        np.maximum((region.z - tent) * np.float32(0.92), region.y + 22 + 0.25 * np.abs(region.x)), np.float32
    )


def _around_stem(region: Region) -> Array:
    """Room for brainstem, pituitary and the basal cisterns."""
    return ellipsoid(region, (0, -8, -36), (19, 26, 26))


def _fissure(region: Region) -> Array:
    """The cleft between the hemispheres, down to the corpus callosum."""
    callosum = np.hypot((region.y + 2) / 44, (region.z - 6) / 28) * 30 - 30
    return np.asarray(np.maximum(np.abs(region.x) - 1.0, -callosum), np.float32)


def _sylvian(region: Region) -> Array:
    """The cleft between temporal and frontal lobe, down to the insula."""
    line = np.abs(region.z + 12 + 0.38 * (region.y - 10) + 3 * region.rough) - 1.4
    return np.asarray(np.maximum(np.maximum(line, 38 - np.abs(region.x)), np.abs(region.y - 4) - 36), np.float32)


def _paint_nuclei(region: Region) -> None:
    for side in (-1, 1):
        blob(region, (side * 10, -12, 3), (8.5, 15, 9), (0, Label.DEEP_GREY))
        blob(region, (side * 14, 20, 6), (5, 11, 8), (0, Label.DEEP_GREY))
        blob(region, (side * 26, 6, 0), (5.5, 17, 9.5), (0, Label.DEEP_GREY))
        blob(region, (side * 19, 2, -2), (3.6, 9, 6), (0, Label.DEEP_GREY))
        tube(region, [(side * 30, 0, -28), (side * 29, -18, -24)], 4, (0, Label.DEEP_GREY))


def _paint_cerebellum(region: Region, body: Body) -> None:
    """Grey folia about 5 mm apart on a branching core of white matter."""
    box = region.within((-62, -98, -84), (62, -20, 4))
    lobes = np.minimum(ellipsoid(box, (-25, -57, -46), (33, 36, 36)), ellipsoid(box, (25, -57, -46), (33, 36, 36)))
    whole = np.minimum(lobes, ellipsoid(box, (0, -56, -40), (18, 28, 34)))
    inside = np.maximum(whole, np.maximum(_above_tentorium(box) + 1.5, cavity(box, body) + 1.0))
    folia = np.mod(np.hypot(box.z + 46, box.y + 40) + 1.2 * box.rough, 5.5) - 2.75
    cleft = (np.abs(folia) < 0.42) & (inside > -7)
    box.paint((inside < 0) & ~cleft, Label.GREY)
    box.paint(inside < -3 - (2.75 - np.abs(folia)) * 2.2, Label.WHITE)
    for side in (-1, 1):
        blob(box, (side * 13, -46, -42), (4, 7, 4), (0, Label.DEEP_GREY))


def _paint_stem(region: Region) -> None:
    """Peduncles, pons and medulla down to the cord, with the great cisterns around them left as CSF."""
    for side in (-1, 1):
        tube(region, [(side * 13, -6, -2), (side * 7, -14, -26)], 6.5, (0, Label.WHITE))
        tube(region, [(side * 6, -26, -40), (side * 20, -42, -44)], 6, (0, Label.WHITE))
        tube(region, [(side * 6, 14, -24), (side * 12, -4, -18)], 2, (0, Label.WHITE))
    blob(region, (0, -14, -37), (17, 12, 14), (0, Label.WHITE))
    tube(region, [(0, -20, -14), (0, -22, -34)], 9, (0, Label.WHITE))
    tube(region, [(0, -20, -46), (0, -25, -60), (0, -27, -76)], 6.5, (0, Label.WHITE))


def _paint_ventricles(region: Region, size: float) -> None:
    for side in (-1, 1):
        horns: list[Point] = [(side * 9, 32, 6), (side * 7, 12, 16), (side * 11, -18, 18), (side * 21, -36, 10)]
        tube(region, horns, 6.2 * size, (0, Label.CSF))
        tube(region, [horns[3], (side * 25, -62, 4)], 4.2 * size, (0, Label.CSF))
        tube(region, [horns[3], (side * 32, -24, -12), (side * 33, 2, -26)], 2.6 * size, (0, Label.CSF))
    blob(region, (0, -6, 0), (2.4 * size, 15, 10), (0, Label.CSF))
    tube(region, [(0, -16, -8), (0, -29, -34)], 1.1, (0, Label.CSF))
    blob(region, (0, -31, -42), (6.5 * size, 4.5 * size, 10), (0, Label.CSF))


def _paint_sinus(region: Region, inner: Array) -> None:
    """The sagittal sinus under the vault in the midline."""
    wall = 4.5 - np.abs(region.x) * np.float32(1.1)
    above = (region.z > -10) | (region.y < -40)
    region.paint((inner < 0) & (inner > -wall) & above & (region.y < 70) & (region.z > -20), Label.BLOOD)
