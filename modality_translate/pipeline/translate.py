"""One volume from one modality to another: cut into fixed patches, predicted, blended, put back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from modality_translate.errors import ModelError
from modality_translate.intensities.scaling import SAME_UNITS, HostUnits
from modality_translate.pipeline.answer import Answer
from modality_translate.pipeline.body import body_boxes
from modality_translate.pipeline.prepare import host_background, prepare, restore
from modality_translate.pipeline.spec import Spec
from modality_translate.volumes.patches import blend, corners, cut
from modality_translate.volumes.scratch import empty, rest
from modality_translate.volumes.slabs import Slab, shape_of
from modality_translate.volumes.volume import Array, Shape, Volume

Predict = Callable[[Array], Array]
"""(N, 1, X, Y, Z) float32 in host units of the source to (N, 1, X - 2 hx, Y - 2 hy, Z - 2 hz) in those of the target,
with (hx, hy, hz) the halo of the spec's tiling."""
Progress = Callable[[int, int], None]
"""Called with the number of patches done and of all patches."""


def translate(
    volume: Volume,
    spec: Spec,
    predict: Predict,
    *,
    batch: int = 4,
    progress: Progress | None = None,
    overwrite_source: bool = False,
) -> Volume:
    """`volume`, of the source's modality, as the target's modality on the same grid.

    With `overwrite_source` the answer may take the place of the volume's voxels, which saves a second array of them.

    Raises `VolumeError` for voxels that are no numbers, `ModelError` for an answer of wrong shape or with NaN.
    """
    prepared = prepare(volume, spec)
    source = prepared.raw
    own = overwrite_source or not np.may_share_memory(source, volume.array)
    room = source if own and source.flags.writeable else _room_like(source)
    return restore(Tiles(spec, predict, batch, progress).translated(source, prepared.units, room), prepared, spec)


def translate_array(
    array: Array, spec: Spec, predict: Predict, *, batch: int = 4, progress: Progress | None = None
) -> Array:
    """`array` (X, Y, Z), host units of the source, translated to host units of the target, same shape.

    `batch` changes speed and memory only: patches are blended in a fixed order.
    """
    return Tiles(spec, predict, batch, progress).translated(array, SAME_UNITS, _room_like(array))


class Place(NamedTuple):
    """Where one core lies."""

    box: Slab
    """In which it is blended."""
    corner: Shape
    """Its first voxel, counted from the box's."""

    @property
    def start(self) -> Shape:
        """Its first voxel in the volume."""
        x, y, z = (span.start + at for span, at in zip(self.box, self.corner, strict=True))
        return x, y, z


Cut = tuple[Place, Array | None]
"""A place and its patch, if it is to be run."""


@dataclass(frozen=True)
class Tiles:
    """One network over one volume, a batch of patches at a time, from the lowest slice to the highest."""

    spec: Spec
    predict: Predict
    batch: int = 4
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch {self.batch} must be at least 1")

    def translated(self, array: Array, units: HostUnits, room: Array) -> Array:
        """`array` (X, Y, Z), in host units after `units`, as the target; background where there is no body.

        The answer fills `room`, which may be `array` itself. Sums are held for the depth of one patch only.
        """
        answer = Answer(room, self.spec.tiling.halo[2], host_background(self.spec.target))
        places = self._places(body_boxes(array, units, self.spec.tiling))
        for box, cores in groupby(self._cores(array, units, places), key=lambda core: core[0].box):
            for slab in self._blended(box, cores):
                answer.add(box, slab)
        if not places:
            self._tell(1, 1)
        return answer.whole()

    def _places(self, boxes: list[Slab]) -> list[Place]:
        tiling = self.spec.tiling
        return [Place(box, at) for box in boxes for at in corners(shape_of(box), tiling.core, tiling.overlap)]

    def _blended(self, box: Slab, cores: Iterable[tuple[Place, Array]]) -> Iterator[Array]:
        return blend(shape_of(box), self.spec.tiling.core, ((place.corner, core) for place, core in cores))

    def _cores(self, array: Array, units: HostUnits, places: list[Place]) -> Iterator[tuple[Place, Array]]:
        """Every place with what the network answers there, in order."""
        air = np.full(self.spec.tiling.core, host_background(self.spec.target), np.float32)
        for done, group in _groups(self._patches(array, units, places), self.batch):
            run = [patch for _, patch in group if patch is not None]
            answers = iter(self._answers(run))
            for place, patch in group:
                yield place, air if patch is None else next(answers)
            rest(array)
            self._tell(done, len(places))

    def _patches(self, array: Array, units: HostUnits, places: list[Place]) -> Iterator[Cut]:
        """Every place with its input patch (X, Y, Z), or with none where it holds no body."""
        tiling, air = self.spec.tiling, host_background(self.spec.source)
        for place in places:
            patch = cut(array, place.start, tiling.patch, tiling.halo, air, units.of)
            empty = tiling.skip_below is not None and patch.max() <= tiling.skip_below
            yield place, None if empty else patch

    def _answers(self, patches: list[Array]) -> Array:
        if not patches:
            return np.empty((0, *self.spec.tiling.core), np.float32)
        return predict_checked(np.stack(patches)[:, np.newaxis], self.spec, self.predict)[:, 0]

    def _tell(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(done, total)


def predict_checked(patches: Array, spec: Spec, predict: Predict) -> Array:
    """`predict` of `patches` (N, 1, X, Y, Z); `ModelError` unless the answer has the spec's shape and finite values."""
    answer = predict(patches)
    wanted = (len(patches), 1, *spec.tiling.core)
    if answer.shape != wanted:
        raise ModelError(
            spec.name,
            f"answered {patches.shape} with {answer.shape}; {wanted} was wanted.",
            "The network does not fit the patch and halo in its spec: export it again.",
        )
    if not np.isfinite(answer).all():
        broken = int(answer.size - np.isfinite(answer).sum())
        raise ModelError(
            spec.name,
            f"answered with NaN or infinity in {broken} of {answer.size} voxels.",
            "Try another device or engine; if it stays, the training diverged: use an earlier checkpoint.",
        )
    return answer


def _groups(patches: Iterator[Cut], batch: int) -> Iterator[tuple[int, list[Cut]]]:
    """In order, groups with up to `batch` patches to run, and how many places are behind after each."""
    group: list[Cut] = []
    done = waiting = 0
    for done, one in enumerate(patches, start=1):
        group.append(one)
        waiting += one[1] is not None
        if waiting == batch:
            yield done, group
            group, waiting = [], 0
    if group:
        yield done, group


def _room_like(array: Array) -> Array:
    """A new array of the shape of `array` (X, Y, Z), where that lies, stored as in files: x fastest."""
    room: Array = empty(array.shape[::-1], np.float32, array).T
    return room
