"""The outside of the head and what lies under the skin: fat, muscles and the neck."""

from __future__ import annotations

import numpy as np

from modality_translate.phantom.body import Body
from modality_translate.phantom.noise import Point
from modality_translate.phantom.shapes import Region, capsule, ellipsoid, smooth_union, tube
from modality_translate.phantom.tissues import Label
from modality_translate.volumes.volume import Array

CRANIUM: Point = (76, 97, 88)
"""Semi-axes of the outer table, mm."""
SKIN = 2.0
_BLEND = 18.0


def surface(region: Region, body: Body) -> Array:
    """Distance to the skin, mm: cranium, face, chin, nose and neck in one smooth shape."""
    scalp = SKIN + body.fat
    x, y, z = CRANIUM
    skin = ellipsoid(region, (0, 0, 0), (x + scalp, y + scalp, z + scalp))
    neck = np.hypot(region.x, (region.y + 24) * np.float32(0.95)) - 58
    skin = smooth_union(skin, np.maximum(neck, region.z + 40), 25)
    skin = smooth_union(skin, ellipsoid(region, (0, 36, -60), (67, 60, 64)), _BLEND)
    skin = smooth_union(skin, ellipsoid(region, (0, 74, -104), (30, 23, 20)), _BLEND)
    skin = smooth_union(skin, capsule(region, (0, 95, -28), (0, 103, -56), 9 - region.z * np.float32(0.05)), 10)
    skin = smooth_union(skin, ellipsoid(region, (0, 96, -66), (18, 15, 11)), 10)
    for side in (-1, 1):
        skin = np.minimum(skin, ellipsoid(region, (side * 80, -10, -36), (6, 17, 29)))
    return skin


def paint_soft_tissue(region: Region, skin: Array, body: Body) -> None:
    """Muscle, sheets of fat between the muscles, and the fat under the skin, thicker from the face downwards."""
    region.paint(skin < 0, Label.MUSCLE)
    lower = np.clip((-20 - region.z) / 60, 0, 1)
    region.paint((skin < 0) & (np.abs(region.rough) < 0.16 * lower), Label.FAT)
    region.paint((skin < 0) & (skin > -(SKIN + body.fat + lower * (4 + 1.5 * region.rough))), Label.FAT)


def paint_skin(region: Region, skin: Array) -> None:
    """Skin last: nothing inside reaches through it but the airways, which open at the nostrils."""
    region.paint(skin > 0, Label.AIR)
    region.paint((skin <= 0) & (skin > -SKIN), Label.SKIN)


def paint_neck(region: Region) -> None:
    """Vertebrae with discs, canal and cord, the large vessels, and the airway from the nose to the trachea."""
    below = region.within((-60, -110, -200), (60, 60, -76))
    _paint_spine(below)
    for side in (-1, 1):
        tube(below, [(side * 24, 8, -76), (side * 23, 10, -180)], 3.2, (0, Label.BLOOD))
        tube(below, [(side * 31, 0, -76), (side * 30, 6, -180)], 5.0, (0, Label.BLOOD))
    canal: list[Point] = [(0, -27, -70), (0, -33, -110), (0, -34, -180)]
    tube(region.within((-20, -60, -200), (20, 0, -66)), canal, 8.5, (0, Label.CSF), (3.2, Label.CORD))
    airway: list[Point] = [(0, 36, -60), (0, 20, -80), (0, 16, -112), (0, 18, -180)]
    tube(region.within((-20, 0, -200), (20, 60, -56)), airway, 9.5, (0, Label.MUCOSA), (1.6, Label.CAVITY))


def _paint_spine(region: Region) -> None:
    """Bodies of 13 mm and discs of 5 mm, with arches and spinous processes behind the canal."""
    phase = np.mod(region.z + 80, 18)
    backwards = region.y + 8 + (region.z + 80) * np.float32(0.02)
    body = np.hypot(region.x / 12, backwards / 9) * 9 - 9
    rim = np.maximum(body, 1.3 - np.minimum(phase, 13.5 - phase))
    region.paint(body < -0.8, Label.DISC)
    region.paint((body < 0) & (phase < 13.5), Label.BONE)
    region.paint((rim < -1.2) & (phase < 13.5), Label.MARROW)
    ring = np.abs(np.hypot(region.x / 1.25, region.y + 32) - 12) - 3
    arch = np.maximum(np.maximum(ring, np.abs(phase - 6) - 5.5), region.y + 18)
    process = np.hypot(region.x, (phase - 5) / 1.3) - 4 + np.maximum(-(region.y + 68), 0) + np.maximum(region.y + 42, 0)
    region.paint(np.minimum(arch, process) < 0, Label.BONE)
    region.paint(np.minimum(arch, process) < -1.4, Label.MARROW)
