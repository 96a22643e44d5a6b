"""What two folders hold, in figures: voxel sizes, shapes, intensities, noise, and how well pairs lie on each other.

The headers of all files are read, the voxels of at most `MOST_READ` cases, each volume once and two at a time.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from modality_translate.data.misalignment import Misalignment, measure_misalignment
from modality_translate.data.recognition import named_modality
from modality_translate.data.subjects import Case
from modality_translate.data.unseen import unseen_share
from modality_translate.intensities.foreground import Mask, body_mask, guess_modality, sample
from modality_translate.intensities.modality import ModalityName
from modality_translate.intensities.quality import field_strength, noise_sigma
from modality_translate.pipeline.envelope import check_values
from modality_translate.pipeline.spec import Millimetres, Triple
from modality_translate.volumes.geometry import orient
from modality_translate.volumes.nifti import read_header, read_volume
from modality_translate.volumes.volume import Array, Grid, Volume

MOST_READ = 12
DIGITS = 4
"""Of a voxel size: a tenth of a micrometre."""
PERCENTILES = (0.5, 50.0, 99.5)
Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Intensities:
    """Numbers of one side, medians over the volumes read; in the files' own unit, inside the body where not said."""

    percentiles: tuple[float, float, float]
    """0.5, 50 and 99.5."""
    mean: float
    std: float
    background: float
    """Share of the voxels outside the body."""
    noise: float
    """Standard deviation, mostly from air; see `noise_sigma`."""
    field: float
    """Unevenness of the smooth part; see `field_strength`."""


@dataclass(frozen=True)
class Side:
    """One folder. Shapes, voxel sizes (mm) and p10 (their 10th percentiles) are along R, A, S."""

    files: int
    read: int
    modality: ModalityName | None
    """Given, else read from names, else recognised by the numbers (CT only)."""
    known_by: str
    spacing: Millimetres
    spacing_p10: Millimetres
    shape: Triple
    shape_p10: Triple
    orientations: tuple[str, ...]
    stored: tuple[str, ...]
    """Number types on disk."""
    intensities: Intensities
    problems: tuple[str, ...] = ()
    """Volumes read whose numbers do not suit the modality, each with the reason."""

    @property
    def anisotropy(self) -> float:
        """Largest over smallest voxel side."""
        return max(self.spacing) / min(self.spacing)


@dataclass(frozen=True)
class Alignment:
    """How far pairs lie apart in mm: medians over the pairs measured."""

    median: float
    p90: float
    agreement: float
    pairs: int


@dataclass(frozen=True)
class Fingerprint:
    """All that the plan is drawn from."""

    source: Side
    target: Side
    pairs: tuple[str, ...] = ()
    """Names of the cases with both sides."""
    alignment: Alignment | None = None
    """None without pairs, and where too little structure was found to measure it."""
    unseen: float | None = None
    """The most of a target's body, as a share, that lies where its source shows nothing; None without pairs."""

    def as_dict(self) -> dict[str, Any]:
        """Every figure, ready for JSON."""
        return asdict(self)


class _Seen(NamedTuple):
    """One volume along R, A, S with its body."""

    array: Array
    grid: Grid
    body: Mask
    is_ct: bool


class _Look(NamedTuple):
    """One volume as it was read."""

    intensities: Intensities
    is_ct: bool
    problems: tuple[str, ...]


def take_fingerprint(
    cases: tuple[Case, ...], given: tuple[ModalityName | None, ModalityName | None], watch: Watch | None = None
) -> Fingerprint:
    """The fingerprint of `cases` (at least one source and one target); `given` are the modalities that are known.

    `watch(done, total)` is called after every case whose voxels are read. Raises `VolumeError` for a file that cannot
    be read.
    """
    paths = [[p for case in cases if (p := getattr(case, side))] for side in ("source", "target")]
    expected = [known or named_modality(files) for known, files in zip(given, paths, strict=True)]
    looks: tuple[list[_Look], list[_Look]] = ([], [])
    found: list[Misalignment | None] = []
    unseen: list[float] = []
    chosen = sampled(cases)
    for done, case in enumerate(chosen, 1):
        files = case.source, case.target
        volumes = [read_volume(path) if path else None for path in files]
        bodies = [_seen(v, modality) if v else None for v, modality in zip(volumes, expected, strict=True)]
        for volume, seen, path, modality, side in zip(volumes, bodies, files, expected, looks, strict=True):
            if volume and seen and path:
                side.append(_look(volume, seen, path, modality))
        if volumes[0] and volumes[1]:
            found.append(measure_misalignment(volumes[0], volumes[1]))
        if bodies[0] and bodies[1]:
            unseen.append(unseen_share(bodies[0].body, bodies[0].grid, bodies[1].body, bodies[1].grid))
        if watch is not None:
            watch(done, len(chosen))
    source, target = (_side(*parts) for parts in zip(paths, given, expected, looks, strict=True))
    pairs = tuple(case.name for case in cases if case.paired)
    return Fingerprint(source, target, pairs, _alignment([one for one in found if one]), max(unseen, default=None))


def sampled(cases: Sequence[Case]) -> list[Case]:
    """At most `MOST_READ` cases, evenly spread over the names: the same ones at every call.

    Unpaired folders give half of them from each side.
    """
    both = [case for case in cases if case.paired]
    groups = [both] if len(both) == len(cases) else [[c for c in cases if c.source], [c for c in cases if c.target]]
    chosen = [case for group in groups for case in _spread(group, MOST_READ // len(groups))]
    return list(dict.fromkeys(chosen))


def patients_of(names: Iterable[str]) -> list[str]:
    """Who the named cases show, sorted: what stands before the first "/"."""
    return sorted({name.split("/")[0] for name in names})


def canonical_grid(path: Path) -> Grid:
    """The RAS+ grid of a file, from its header alone."""
    return _canonical(read_header(path).grid)


def median_spacing(grids: Iterable[Grid]) -> Millimetres:
    """Voxel size along R, A, S, in mm."""
    x, y, z = (round(statistics.median(side), DIGITS) for side in zip(*(g.spacing for g in grids), strict=True))
    return x, y, z


def _spread(group: list[Case], most: int) -> list[Case]:
    places = np.linspace(0, len(group) - 1, min(most, len(group))).round().astype(int)
    return [group[place] for place in places]


def _canonical(grid: Grid) -> Grid:
    return orient(np.broadcast_to(np.float32(0.0), grid.shape), grid)[1]


def _seen(volume: Volume, modality: ModalityName | None) -> _Seen:
    guessed = guess_modality(volume.array)
    array, grid = orient(volume.array, volume.grid)
    return _Seen(array, grid, body_mask(array, modality or guessed or "MR", grid.spacing), guessed == "CT")


def _look(volume: Volume, seen: _Seen, path: Path, modality: ModalityName | None) -> _Look:
    array, body = seen.array, seen.body
    inside = sample(array)[sample(body)]
    values = np.asarray(inside if inside.size else sample(array), np.float64).ravel()
    low, median, high = (float(value) for value in np.percentile(values, PERCENTILES))
    figures = (float(values.mean()), float(values.std()), float(1.0 - body.mean()))
    numbers = Intensities((low, median, high), *figures, noise_sigma(array, body), field_strength(array, body))
    problems = tuple(f"{path.parent.name}/{path.name}: {reason}" for reason in check_values(volume, modality))
    return _Look(numbers, seen.is_ct, problems)


def _side(paths: list[Path], given: ModalityName | None, expected: ModalityName | None, looks: list[_Look]) -> Side:
    headers = [read_header(path) for path in paths]
    grids = [_canonical(header.grid) for header in headers]
    modality, known_by = expected, "given" if given else "told by the file names"
    if expected is None:
        ct = 2 * sum(look.is_ct for look in looks) > len(looks)
        modality, known_by = ("CT", "air near -1000, tissue around 0") if ct else (None, "not recognised")
    spacing_p10, shape_p10 = (_p10([getattr(grid, what) for grid in grids]) for what in ("spacing", "shape"))
    nx, ny, nz = (int(statistics.median_low(side)) for side in zip(*(grid.shape for grid in grids), strict=True))
    mx, my, mz = (int(size) for size in shape_p10)
    return Side(
        files=len(paths),
        read=len(looks),
        modality=modality,
        known_by=known_by,
        spacing=median_spacing(grids),
        spacing_p10=spacing_p10,
        shape=(nx, ny, nz),
        shape_p10=(mx, my, mz),
        orientations=tuple(sorted({header.grid.orientation for header in headers})),
        stored=tuple(sorted({header.dtype for header in headers})),
        intensities=_together([look.intensities for look in looks]),
        problems=tuple(problem for look in looks for problem in look.problems),
    )


def _p10(triples: list[tuple[float, float, float]]) -> Millimetres:
    x, y, z = (round(float(value), DIGITS) for value in np.percentile(triples, 10.0, axis=0))
    return x, y, z


def _together(found: list[Intensities]) -> Intensities:
    low, median, high = (statistics.median(value) for value in zip(*(one.percentiles for one in found), strict=True))
    names = ("mean", "std", "background", "noise", "field")
    return Intensities((low, median, high), *(statistics.median(getattr(o, name) for o in found) for name in names))


def _alignment(found: list[Misalignment]) -> Alignment | None:
    if not found:
        return None
    middle = (statistics.median(getattr(one, name) for one in found) for name in ("median", "p90", "agreement"))
    return Alignment(*middle, len(found))
