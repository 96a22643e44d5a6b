"""How far two volumes of one patient lie apart, in mm: block matching on the directions of their edges.

Both volumes are resampled to one isotropic lattice and reduced to normalised gradient fields (Haber and Modersitzki,
2006), which look alike across modalities: only where an edge is and how it runs counts, not its sign or height. The
squared cosine between two gradients is the inner product of their outer products, so the similarity of a block for
every shift at once is six cross-correlations by FFT. A block shares its evidence with its neighbours, since one edge
alone says nothing about sliding along it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from modality_translate.volumes.geometry import orient, resample, spaced
from modality_translate.volumes.volume import Array, Grid, Volume

STEP = 2.0
"""Voxel size of the common lattice, in mm; larger only where it would have more than `MOST_VOXELS`."""
MOST_VOXELS = 3_000_000
BLOCK, SEARCH = 12, 6
"""Width of a block and largest shift along each axis, in voxels of the lattice: 24 mm and 12 mm."""
MOST_BLOCKS = 60
ENOUGH_BLOCKS = 4
"""Fewer say too little about a pair."""
APART = 9
"""Blocks overlap by at most a quarter of their width."""
BLUR = 0.7
"""Voxels; of the derivative filters."""
EDGE_PERCENTILE = 70
"""Gradients below this percentile count as noise."""
SHARED = 10.0
"""Voxels (20 mm) over which neighbouring blocks share their evidence (deviation of a Gaussian)."""
REACH_COST = 0.003
"""Similarity that a shift must win per square voxel, so that a block without grip along some direction stays put."""
COVERED = 0.6
"""A shift counts where this share of the block's edges falls on voxels that the target knows."""
WEAK = 0.05
"""Blocks with less structure than this share of the strongest are left out."""

Floats = NDArray[np.float64]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Misalignment:
    """What block matching found; shifts say where the target shows what the source shows, in mm along R, A, S."""

    median: float
    """Of the lengths of the blocks' shifts."""
    p90: float
    """90th percentile of the same."""
    shift: tuple[float, float, float]
    """The one shift that suits all blocks together best."""
    agreement: float
    """Median over blocks of how well edges agree once shifted: 0 to 1. Other anatomy, or one turned over, is low."""
    blocks: int


@dataclass(frozen=True, eq=False)
class Edges:
    """Outer products of normalised gradients (6, X, Y, Z), zero where unknown, and where they are known."""

    products: Array
    known: Mask


def measure_misalignment(source: Volume, target: Volume) -> Misalignment | None:
    """The misalignment of a pair in world space, or None when fewer than `ENOUGH_BLOCKS` blocks have structure in both.

    Shifts are found up to 12 mm along each axis (more on volumes beyond about 290 mm cubed) and to a fraction of
    a voxel. Two differently contrasted views of the same anatomy on the phantom's 2 mm grid give 0.3 to 0.5 mm where
    the truth is 0.
    """
    array, grid = orient(source.array, source.grid)
    lattice = spaced(grid, (_step(grid),) * 3)
    fixed = _edges(resample(array, grid, lattice, np.nan))
    moving = _padded(_edges(resample(target.array, target.grid, lattice, np.nan)))
    corners = _chosen_blocks(fixed, moving)
    if len(corners) < ENOUGH_BLOCKS:
        return None
    matches, norms = _correlations(fixed, moving, corners)
    return _summary(matches, norms, corners, lattice.affine[:3, :3])


def _step(grid: Grid) -> float:
    return max(STEP, float((np.prod(grid.extent) / MOST_VOXELS) ** (1 / 3)))


def _edges(array: Array) -> Edges:
    known = np.isfinite(array)
    if not known.any():
        return Edges(np.zeros((6, *array.shape), np.float32), known)
    low, high = np.percentile(array[known], [1.0, 99.5])
    filled = np.clip(np.where(known, array, low), low, high) / max(high - low, 1e-12)
    # The outermost voxels are half extrapolated, and the edge of a field of view is no edge of the patient.
    known = ndimage.binary_erosion(known, iterations=2)
    slopes = [ndimage.gaussian_filter(filled, BLUR, [int(axis == i) for i in range(3)]) for axis in range(3)]
    x, y, z = (np.asarray(slope * known, np.float32) for slope in slopes)
    square = x**2 + y**2 + z**2
    noise = float(np.percentile(square[square > 0], EDGE_PERCENTILE)) if square.any() else 1.0
    mixed = np.sqrt(np.float32(2))
    products = np.stack([x * x, y * y, z * z, mixed * x * y, mixed * x * z, mixed * y * z])
    return Edges(products / (square + np.float32(noise)), known)


def _padded(edges: Edges) -> Edges:
    margin = ((SEARCH, SEARCH),) * 3
    return Edges(np.pad(edges.products, ((0, 0), *margin)), np.pad(edges.known, margin))


def _chosen_blocks(fixed: Edges, moving: Edges) -> Index:
    """Corners (n, 3) of the blocks with most structure in both volumes, strongest first and spread out."""
    starts = [np.unique([*range(0, size - BLOCK + 1, BLOCK // 2), size - BLOCK]) for size in fixed.known.shape]
    if min(fixed.known.shape) < BLOCK:
        return np.empty((0, 3), np.intp)
    corners = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = (slice(SEARCH, -SEARCH),) * 3
    energies = [_block_sums(_energy(edges)) for edges in (fixed, Edges(moving.products[:, *inside], fixed.known))]
    known = _block_sums(moving.known[inside])
    at = tuple(corners.T)
    structure = np.sqrt(energies[0][at] * energies[1][at]) * (known[at] > COVERED * BLOCK**3)
    chosen: list[Index] = []
    for place in np.argsort(-structure, kind="stable"):
        if len(chosen) == MOST_BLOCKS or structure[place] <= WEAK * structure.max():
            break
        if all(np.abs(corners[place] - other).max() >= APART for other in chosen):
            chosen.append(corners[place])
    return np.array(chosen, np.intp).reshape(-1, 3)


def _energy(edges: Edges) -> Array:
    return np.asarray((edges.products**2).sum(axis=0))


def _block_sums(values: NDArray[np.generic]) -> Floats:
    """Sums over a block for each corner it can have."""
    totals = np.pad(values.astype(np.float64), ((1, 0),) * 3).cumsum(0).cumsum(1).cumsum(2)
    for axis in range(3):
        count = totals.shape[axis] - BLOCK
        totals = totals.take(range(BLOCK, BLOCK + count), axis) - totals.take(range(count), axis)
    return np.clip(totals, 0, None)


def _correlations(fixed: Edges, moving: Edges, corners: Index) -> tuple[Floats, Floats]:
    """Unnormalised similarity and its norm, each (n, S, S, S) for the S = 2 SEARCH + 1 shifts along each axis.

    The norm is 0 for shifts that lead too much of the block out of what the target knows.
    """
    shifts, window = 2 * SEARCH + 1, BLOCK + 2 * SEARCH
    size = fft.next_fast_len(window, real=True)
    energies = _block_sums(_energy(moving))
    matches, norms = [], []
    for corner in corners:
        near = tuple(slice(start, start + BLOCK) for start in corner)
        wide = tuple(slice(start, start + window) for start in corner)
        block = fixed.products[:, *near]
        own = (block**2).sum(axis=0)
        both = [
            np.concatenate([block, own[None]]),
            np.concatenate([moving.products[:, *wide], moving.known[None, *wide]]),
        ]
        first, second = (fft.rfftn(values, (size,) * 3, axes=(1, 2, 3)) for values in both)
        product = np.conj(first) * second
        match, seen = (
            fft.irfftn(part, (size,) * 3)[:shifts, :shifts, :shifts] for part in (product[:-1].sum(0), product[-1])
        )
        other = energies[tuple(slice(start, start + shifts) for start in corner)]
        valid = seen > COVERED * own.sum()
        matches.append(np.where(valid, match, 0.0))
        norms.append(np.where(valid, np.sqrt(np.clip(seen, 0, None) * other), 0.0))
    return np.array(matches), np.array(norms)


def _summary(matches: Floats, norms: Floats, corners: Index, axes: Floats) -> Misalignment:
    distances = ((corners[:, None] - corners[None]) ** 2).sum(axis=2)
    weights = np.exp(-distances / (2 * SHARED**2))
    scores = _scores(np.tensordot(weights, matches, 1), np.tensordot(weights, norms, 1))
    found = [_best(score) for score in scores]
    lengths = np.linalg.norm([axes @ shift for shift, _ in found], axis=1)
    together = _scores(matches.sum(axis=0)[None], norms.sum(axis=0)[None])[0]
    x, y, z = (float(value) for value in axes @ _best(together)[0])
    median, p90 = (float(value) for value in np.percentile(lengths, [50, 90]))
    return Misalignment(median, p90, (x, y, z), float(np.median([score for _, score in found])), len(found))


def _scores(matches: Floats, norms: Floats) -> Floats:
    """Similarity 0 to 1; 0 for shifts at which too few edges are seen to be believed."""
    enough = norms > 0.3 * norms.max(axis=(1, 2, 3), keepdims=True)
    return np.where(enough, matches / np.where(enough, norms, 1.0), 0.0)


def _best(score: Floats) -> tuple[Floats, float]:
    """The shift (3,) in voxels, refined by a parabola along each axis, and the similarity there."""
    offsets = np.arange(-SEARCH, SEARCH + 1.0)
    x, y, z = np.ix_(offsets, offsets, offsets)
    worth = score - REACH_COST * (x**2 + y**2 + z**2)
    peak = np.unravel_index(worth.argmax(), worth.shape)
    shift = np.array([offsets[i] + _vertex(worth, peak, axis) for axis, i in enumerate(peak)])
    return shift, float(score[peak])


def _vertex(worth: Floats, peak: tuple[np.intp, ...], axis: int) -> float:
    line = worth[tuple(slice(None) if other == axis else place for other, place in enumerate(peak))]
    i = int(peak[axis])
    if not 0 < i < len(line) - 1:
        return 0.0
    bend = float(line[i - 1] - 2 * line[i] + line[i + 1])
    return float(line[i - 1] - line[i + 1]) / (2 * bend) if bend < 0 else 0.0
