"""The skull: two tables with marrow between, the base that carries the brain, petrous bones and air cells."""

from __future__ import annotations

import numpy as np

from modality_translate.phantom.body import Body
from modality_translate.phantom.head import CRANIUM
from modality_translate.phantom.shapes import Region, blob, ellipsoid, tube
from modality_translate.phantom.tissues import Label
from modality_translate.volumes.volume import Array

_TABLE = 1.8


def cavity(region: Region, body: Body) -> Array:
    """Distance to the inner surface of the skull, mm: the vault, cut below by the three steps of the base."""
    vault = ellipsoid(region, (0, 0, 0), CRANIUM) + (body.skull + 0.35 * region.rough)
    middle = np.clip((region.y + 0.5 * np.abs(region.x) + 4) / 30, 0, 1) * 30
    front = np.clip((region.y - 14 - 0.25 * np.abs(region.x)) / 18, 0, 1) * 27
    return np.asarray(
        np.maximum(vault, (middle + front - 78 - region.z + 1.5 * region.rough) * np.float32(0.85)), np.float32
    )


def paint_vault(region: Region, inner: Array, body: Body) -> None:
    """The shell of bone around the cavity: inner table, diploe, outer table."""
    shell = (inner > 0) & (inner < body.skull) & (ellipsoid(region, (0, 0, 0), CRANIUM) < 0.6)
    region.paint(shell, Label.BONE)
    diploe = (inner > _TABLE) & (inner < body.skull - _TABLE - 0.2 * region.rough)
    region.paint(shell & diploe, Label.MARROW)


def paint_base(region: Region) -> None:
    """Sphenoid with its sinus, clivus, petrous bones, mastoid and ethmoid cells, frontal sinus."""
    blob(region, (0, 18, -46), (21, 17, 13), (0, Label.BONE), (2, Label.MARROW))
    tube(region, [(0, 8, -48), (0, -10, -74)], 6.5, (0, Label.BONE), (1.6, Label.MARROW))
    for side in (-1, 1):
        tube(region, [(side * 58, -22, -54), (side * 16, 0, -50)], 9, (0, Label.BONE), (5.5, Label.MARROW))
        tube(region, [(side * 72, -4, -46), (side * 46, -12, -50)], 2.6, (0, Label.CAVITY))
        blob(region, (side * 52, -28, -66), (12, 16, 19), (0, Label.BONE))
        _paint_cells(region.around((side * 52, -28, -64), reach=16), (side * 52, -28, -64))
        blob(region, (side * 8, 24, -44), (7.5, 11, 9), (-1.0, Label.MUCOSA), (0, Label.CAVITY))
        blob(region, (side * 12, 88, -8), (11, 4.5, 12), (-2.0, Label.BONE), (0, Label.CAVITY))


def _paint_cells(region: Region, centre: tuple[float, float, float]) -> None:
    inside = ellipsoid(region, centre, (11, 13, 15)) < 0
    region.paint(
        inside
        & (np.mod(region.x + region.z / 3 + 3 * region.rough, 6) > 1.6)
        & (np.mod(region.z - 4 * region.rough, 7) > 1.6),
        Label.CAVITY,
    )
