"""From a volume as it was stored to the grid and host units a network works in, and back."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from modality_translate.errors import VolumeError
from modality_translate.intensities.foreground import foreground
from modality_translate.intensities.scaling import HostUnits, Percentile
from modality_translate.pipeline.spec import Channel, Spec
from modality_translate.volumes.geometry import orient, orient_like, resample, spaced
from modality_translate.volumes.slabs import ends, slabs, slowest_last
from modality_translate.volumes.volume import Affine, Array, Forms, Grid, Volume


@dataclass(frozen=True, eq=False)
class Prepared:
    """A source volume ready to be cut into patches, with the way back."""

    raw: Array
    """(X, Y, Z) in the volume's own units; a view of the volume where nothing had to be resampled."""
    units: HostUnits
    """From `raw` to host units of the source, which the network's graph takes."""
    grid: Grid
    """The grid of `raw`: RAS+, at the spec's voxel size."""
    canonical: Grid
    """RAS+ at the volume's own voxel size."""
    native: Grid
    """The grid as stored."""
    forms: Forms

    @property
    def array(self) -> Array:
        """(X, Y, Z) in host units: a whole new volume where they are not the volume's own."""
        return self.units.of(self.raw)


def prepare(volume: Volume, spec: Spec) -> Prepared:
    """`volume` in RAS+ order, at the spec's voxel size, in host units of the source. Raises `VolumeError` for NaN."""
    array, canonical = _oriented(volume)
    grid = canonical if spec.spacing is None else spaced(canonical, spec.spacing)
    array = resample(array, canonical, grid, _raw_background(array, spec.source))
    return Prepared(array, _host_units(array, grid, spec.source), grid, canonical, volume.grid, volume.forms)


def prepare_target(volume: Volume, prepared: Prepared, spec: Spec) -> Array:
    """The target of `prepared`, brought onto its grid in world space: (X, Y, Z) in host units of the target.

    Outside the target's field of view lies its background. Raises `VolumeError` if the two do not overlap at all.
    """
    array, grid = _oriented(volume)
    if not overlaps(grid, prepared.grid):
        raise VolumeError(
            "target volume",
            f"its field of view {_box(grid)} does not overlap the source's {_box(prepared.grid)} (world, mm).",
            "Check that both belong to the same case and keep the scanner's coordinates.",
        )
    array = resample(array, grid, prepared.grid, _raw_background(array, spec.target))
    return _host_units(array, prepared.grid, spec.target).of(array)


def restore(array: Array, prepared: Prepared, spec: Spec) -> Volume:
    """A network's output (X, Y, Z) on `prepared.grid`, in host units of the target, as a volume on the native grid.

    Values are clipped, in `array` itself, to what the target's scaling can express.
    """
    _clip(array, *spec.target.scaling.fixed.range)
    canonical = resample(array, prepared.grid, prepared.canonical, spec.target.background)
    native = orient_like(canonical, prepared.canonical, prepared.native)
    return Volume(np.asarray(native, np.float32), prepared.native, prepared.forms)


def host_background(channel: Channel) -> float:
    """Air in host units: percentiles move the darkest tissue to 0, other scalings leave the units alone."""
    return 0.0 if isinstance(channel.scaling, Percentile) else channel.background


def overlaps(one: Grid, other: Grid) -> bool:
    """Whether two fields of view share any space: no plane separates the two parallelepipeds."""
    edges = [*one.affine[:3, :3].T, *other.affine[:3, :3].T]
    normals = [np.cross(a, b) for a, b in product(edges, edges)]
    corners, others = _corners(one), _corners(other)
    for normal in (n / np.linalg.norm(n) for n in normals if np.linalg.norm(n) > 1e-9):
        here, there = corners @ normal, others @ normal
        if here.max() <= there.min() or there.max() <= here.min():
            return False
    return True


def _oriented(volume: Volume) -> tuple[Array, Grid]:
    broken = sum(int(np.count_nonzero(~np.isfinite(volume.array[place]))) for place in slabs(volume.array))
    if broken:
        raise VolumeError("volume", f"{broken} voxels are NaN or infinite.", "Replace them by the value of air first.")
    array, grid = orient(volume.array, volume.grid)
    return slowest_last(array), grid


def _clip(array: Array, low: float, high: float) -> None:
    """In place; nothing is written where nothing is to be clipped, as after a graph that clips."""
    least, most = ends(array)
    if least < low or high < most:
        for place in slabs(array):
            np.clip(array[place], low, high, out=array[place])


def _raw_background(array: Array, channel: Channel) -> float:
    # Arbitrary units have no fixed value of air (it is negative in z-scored MR): the darkest voxel stands for it.
    return ends(array)[0] if isinstance(channel.scaling, Percentile) else channel.background


def _host_units(array: Array, grid: Grid, channel: Channel) -> HostUnits:
    if not isinstance(channel.scaling, Percentile):
        return channel.scaling.fitted(array)
    return channel.scaling.fitted(array, foreground(array, grid.spacing))


def _corners(grid: Grid) -> Affine:
    """World positions (8, 3) of the outer corners of the field of view, half a voxel beyond the outermost centres."""
    indices = np.array(list(product(*[(-0.5, n - 0.5) for n in grid.shape])))
    return np.asarray(indices @ grid.affine[:3, :3].T + grid.affine[:3, 3])


def _box(grid: Grid) -> str:
    corners = _corners(grid)
    sides = zip(corners.min(axis=0), corners.max(axis=0), strict=True)
    return " x ".join(f"{low:.0f}..{high:.0f}" for low, high in sides)
