"""What a volume is: one 3D array of numbers and the grid that places it in the patient."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Affine = NDArray[np.float64]
Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Grid:
    """A voxel lattice: shape (X, Y, Z) and the affine (4, 4) from voxel indices to world RAS+ millimetres."""

    shape: Shape
    affine: Affine

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size along the three storage axes, in mm."""
        x, y, z = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(x), float(y), float(z)

    @property
    def orientation(self) -> str:
        """The storage order as nibabel's axis codes, such as "RAS" or "LPS"."""
        return "".join(nibabel.orientations.aff2axcodes(self.affine))

    @property
    def extent(self) -> tuple[float, float, float]:
        """Field of view along the three storage axes, in mm."""
        x, y, z = (n * s for n, s in zip(self.shape, self.spacing, strict=True))
        return x, y, z

    def matches(self, other: Grid, tolerance: float = 1e-3) -> bool:
        """Same shape, and no corner voxel further than `tolerance` mm from its counterpart."""
        if self.shape != other.shape:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape])).reshape(3, -1)
        shift = (self.affine - other.affine)[:3] @ np.vstack([corners, np.ones(8)])
        return bool(np.abs(shift).max() <= tolerance)


@dataclass(frozen=True)
class Forms:
    """NIfTI codes that say what space the affine leads to: 0 unknown, 1 scanner, 2 aligned, 3 Talairach, 4 MNI."""

    qform: int = 1
    sform: int = 1


@dataclass(frozen=True, eq=False)
class Volume:
    """One 3D image. `array` is float32 (X, Y, Z) in the modality's own unit (HU, SUV, arbitrary MR units)."""

    array: Array
    grid: Grid
    forms: Forms = Forms()
    notes: tuple[str, ...] = field(default=())
    """What a careful reader should know about how the file was understood (warnings of the reader)."""

    def __post_init__(self) -> None:
        if self.array.shape != self.grid.shape:
            raise ValueError(f"array {self.array.shape} does not fill the grid {self.grid.shape}")

    @classmethod
    def of(cls, array: NDArray[Any], affine: NDArray[Any]) -> Volume:
        """A volume from an array (X, Y, Z) and its voxel-to-world affine (4, 4)."""
        x, y, z = array.shape
        return cls(np.asarray(array, np.float32), Grid((x, y, z), np.asarray(affine, np.float64)))

    @property
    def affine(self) -> Affine:
        """Voxel indices to world RAS+ millimetres (4, 4): that of the grid."""
        return self.grid.affine

    def to_nibabel(self) -> Any:
        """A nibabel NIfTI image with these voxels (float32, not copied), this affine and these forms."""
        from modality_translate.volumes.encoding import as_nibabel

        return as_nibabel(self)
