"""A case to score: the source as it is on disk, and the real target on the source's own grid."""

from __future__ import annotations

from dataclasses import dataclass

from modality_translate.data.subjects import Case
from modality_translate.errors import VolumeError
from modality_translate.pipeline.spec import Spec
from modality_translate.volumes.geometry import orient, orient_like, resample
from modality_translate.volumes.nifti import read_volume
from modality_translate.volumes.volume import Volume


@dataclass(frozen=True, eq=False)
class Reference:
    """`target` is in its own raw unit, on the grid of `source`."""

    name: str
    source: Volume
    target: Volume


def load_reference(case: Case, spec: Spec) -> Reference:
    """Read both sides of a pair; a target on another grid is resampled in world space onto the source's.

    Raises `VolumeError` if a file cannot be read or one side is missing.
    """
    if case.source is None or case.target is None:
        raise VolumeError(case.name, "has one side only and cannot be scored.")
    source, target = read_volume(case.source), read_volume(case.target)
    if source.grid.matches(target.grid):
        return Reference(case.name, source, target)
    canonical = orient(source.array, source.grid)[1]
    moved = resample(*orient(target.array, target.grid), canonical, spec.target.background)
    return Reference(case.name, source, Volume(orient_like(moved, canonical, source.grid), source.grid))
