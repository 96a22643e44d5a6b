"""One subject: how the head lies in the scanner and how its shape differs from the average. Drawn once, then used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from modality_translate.phantom.noise import Columns, Lattice, Line, Point, folded_noise, smooth_noise
from modality_translate.phantom.settings import PhantomSettings
from modality_translate.phantom.shapes import Region
from modality_translate.volumes.volume import Grid

FIELD_OF_VIEW = (192.0, 240.0, 240.0)
"""Size of every volume in mm along R, A, S."""
_NOMINAL_CENTRE = (0.0, 5.0, -15.0)
"""The head's own point that lies at the centre of the field of view, mm."""


@dataclass(frozen=True, eq=False)
class Body:
    """The drawn shape. `pose` (3, 4) leads from world mm to the head's own mm; thicknesses in mm."""

    pose: NDArray[np.float64]
    centre: Point
    """World position of the centre of the field of view."""
    fat: float
    skull: float
    gap: float
    """From the inner table to the brain."""
    cortex: float
    ventricles: float
    """Factor on the radii of the ventricles."""
    warp: tuple[Lattice, Lattice, Lattice]
    rough: Lattice
    fold: Lattice

    def grid(self, spacing: float) -> Grid:
        """The lattice of the volumes: isotropic, RAS+, the same field of view at every spacing."""
        shape = np.maximum(np.round(np.array(FIELD_OF_VIEW) / spacing), 1).astype(int)
        affine = np.diag([spacing, spacing, spacing, 1.0])
        affine[:3, 3] = np.array(self.centre) - spacing * (shape - 1) / 2
        x, y, z = (int(n) for n in shape)
        return Grid((x, y, z), affine)


def draw_body(rng: np.random.Generator, settings: PhantomSettings) -> Body:
    """Pose within 8 degrees, size within 5 %, shape noise of 2 mm, each scaled by `settings.variation`."""
    vary = settings.variation

    def around(mean: float, spread: float) -> float:
        return float(mean + vary * spread * rng.uniform(-1, 1))

    centre = (around(0, 8), around(-12, 10), around(20, 15))
    low, high = _corners(centre)
    return Body(
        pose=_draw_pose(rng, centre, vary),
        centre=centre,
        fat=around(3.8, 0.8),
        skull=around(7.0, 0.9),
        gap=around(2.0, 0.7),
        cortex=around(2.8, 0.15),
        ventricles=around(1.05, 0.25),
        warp=(_warp(rng, low, high, vary), _warp(rng, low, high, vary), _warp(rng, low, high, vary)),
        rough=smooth_noise(rng, low, high, 4.0, 6.0),
        fold=folded_noise(rng, *_brain_box(low, high), 2.0, 4.1),
    )


def _draw_pose(rng: np.random.Generator, centre: Point, vary: float) -> NDArray[np.float64]:
    degrees = vary * rng.uniform((-6, -3, -4), (6, 3, 4))
    size = 1 + vary * (0.03 * rng.uniform(-1, 1) + 0.02 * rng.uniform(-1, 1, 3))
    shift = vary * rng.uniform(-2, 2, 3)
    turn = np.diag(1 / size) @ Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    offset = np.array(_NOMINAL_CENTRE) + shift - turn @ np.array(centre)
    return np.column_stack([turn, offset])


def _warp(rng: np.random.Generator, low: Point, high: Point, vary: float) -> Lattice:
    noise = smooth_noise(rng, low, high, 12.0, 24.0)
    return Lattice((noise.nodes * np.float32(2 * vary)).clip(-5, 5), noise.origin, noise.step)


def _corners(centre: Point) -> tuple[Point, Point]:
    x, y, z = centre
    a, b, c = (side / 2 for side in FIELD_OF_VIEW)
    return (x - a, y - b, z - c), (x + a, y + b, z + c)


def _brain_box(low: Point, high: Point) -> tuple[Point, Point]:
    """The part of the field of view that can hold the brain: folds elsewhere would cost time for nothing."""
    return (low[0] + 14, low[1] + 8, low[2] + 40), (high[0] - 14, high[1] - 30, high[2])


class Frame:
    """The points of a grid seen from the head, given out as slabs along x."""

    def __init__(self, body: Body, grid: Grid) -> None:
        self._pose = body.pose
        self.axes: tuple[Line, Line, Line] = _axes(grid)
        _, y, z = self.axes
        self._warp: list[Columns] = [lattice.columns(y, z) for lattice in body.warp]
        self._rough = body.rough.columns(y, z)
        self._fold = body.fold.columns(y, z)

    def slab(self, rows: slice) -> Region:
        """The points whose first index is in `rows`, all labelled air."""
        x, y, z = self.axes[0][rows, None, None], self.axes[1][:, None], self.axes[2]
        head = []
        for (a, b, c, d), warp in zip(self._pose, self._warp, strict=True):
            values = warp.rows(self.axes[0][rows])
            values += (a * x + (b * y + d)).astype(np.float32)
            values += (c * z).astype(np.float32)
            head.append(values)
        empty = np.zeros(head[0].shape, np.uint8)
        row = self.axes[0][rows]
        return Region(head[0], head[1], head[2], self._fold.rows(row), self._rough.rows(row), empty, empty.copy())


def _axes(grid: Grid) -> tuple[Line, Line, Line]:
    x, y, z = (grid.affine[a, 3] + grid.affine[a, a] * np.arange(grid.shape[a]) for a in range(3))
    return x, y, z
