"""The face: orbits with eyes, the nose and its sinuses, jaws, teeth and tongue."""

from __future__ import annotations

import numpy as np

from modality_translate.phantom.noise import Point
from modality_translate.phantom.shapes import Region, blob, ellipsoid, tube
from modality_translate.phantom.tissues import Label


def paint_face(region: Region) -> None:
    """Everything in front of the spine and under the frontal lobes."""
    front = region.within((-80, -20, -150), (80, 130, -10))
    _paint_maxilla(front)
    _paint_nose(front)
    _paint_mouth(front)
    for side in (-1, 1):
        _paint_orbit(front, side)
        cheek: list[Point] = [(side * 42, 72, -56), (side * 56, 50, -54), (side * 62, 10, -50)]
        tube(front, cheek, 4, (0, Label.BONE), (1.8, Label.MARROW))


def _paint_maxilla(region: Region) -> None:
    for side in (-1, 1):
        blob(
            region,
            (side * 27, 62, -66),
            (18, 22, 16),
            (0, Label.BONE),
            (1.8, Label.MUCOSA),
            (3.0, Label.CAVITY),
        )
    blob(region, (0, 62, -82), (25, 27, 4), (0, Label.BONE), (1.8, Label.MARROW))


def _paint_nose(region: Region) -> None:
    """The cavity with septum and turbinates, the nostrils, and the ethmoid cells above."""
    blob(region, (0, 66, -60), (14, 38, 19), (0, Label.MUCOSA), (1.5, Label.CAVITY))
    box = region.within((-14, 28, -80), (14, 104, -40))
    septum = (ellipsoid(box, (0, 66, -60), (14, 38, 19)) < 0) & (np.abs(box.x) < 1.3)
    box.paint(septum, Label.MUCOSA)
    for side in (-1, 1):
        tube(region, [(side * 6.5, 90, -70), (side * 6.5, 104, -78)], 4, (0, Label.CAVITY))
        for height in (-70, -58):
            tube(region, [(side * 8, 46, height), (side * 8, 84, height)], 3.4, (0, Label.MUCOSA))
    cells = region.within((-13, 32, -50), (13, 84, -28))
    ethmoid = ellipsoid(cells, (0, 58, -38), (12, 26, 10)) < 0
    cells.paint(ethmoid, Label.BONE)
    air = (np.mod(cells.x + 6.5, 6.5) > 1.2) & (np.mod(cells.y, 9) > 1.3)
    cells.paint(ethmoid & air, Label.CAVITY)


def _paint_orbit(region: Region, side: int) -> None:
    """A bony cone filled with fat; the eye with its lens, the optic nerve in its sheath, four muscles."""
    blob(region, (side * 33, 60, -38), (19, 32, 18), (0, Label.BONE), (2.0, Label.FAT))
    opening = region.around((side * 33, 84, -38), reach=16)
    opening.paint((opening.labels == Label.BONE) & (opening.y > 80), Label.FAT)
    apex: Point = (side * 18, 36, -38)
    tube(region, [apex, (side * 31, 62, -38)], 3.2, (0, Label.CSF), (1.2, Label.CORD))
    for across, up in ((11, 0), (-11, 0), (0, 11), (0, -11)):
        tube(region, [apex, (side * 33 + across, 68, -38 + up)], 1.9, (0, Label.MUSCLE))
    blob(region, (side * 33, 74, -38), (12.4, 12.4, 12.4), (0, Label.MUSCLE), (1.2, Label.VITREOUS))
    blob(region, (side * 33, 82, -38), (5, 2.4, 5), (0, Label.LENS))


def _paint_mouth(region: Region) -> None:
    """Tongue, mandible with its rami, and two rows of teeth."""
    blob(region, (0, 48, -97), (23, 32, 13), (0, Label.MUCOSA), (1.5, Label.MUSCLE))
    tube(region, [_arch(angle, 0, -84) for angle in np.linspace(-85, 85, 9)], 5.5, (0, Label.BONE), (1.6, Label.MARROW))
    body = [_arch(angle, 2, -108) for angle in np.linspace(-78, 78, 9)]
    tube(region, body, 7.0, (0, Label.BONE), (2.2, Label.MARROW))
    for side in (-1, 1):
        ramus: list[Point] = [_arch(side * 78, 2, -108), (side * 46, 16, -92), (side * 50, 2, -54)]
        tube(region, ramus, 5.5, (0, Label.BONE), (2.0, Label.MARROW))
    for angle in np.linspace(-72, 72, 14):
        tube(region, [_arch(angle, 0, -87), _arch(angle, 0, -90.5)], 3.1, (0, Label.TOOTH))
        tube(region, [_arch(angle, 0, -97.5), _arch(angle, 0, -102)], 3.1, (0, Label.TOOTH))


def _arch(degrees: float, outwards: float, height: float) -> Point:
    """A point of the dental arch; 0 degrees is between the front teeth."""
    angle = float(np.radians(degrees))
    return (27 + outwards) * float(np.sin(angle)), 44 + (34 + outwards) * float(np.cos(angle)), height
