"""One volume from one modality to another: cut into fixed patches, predicted, blended, put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np

from modality_translate.errors import ModelError
from modality_translate.pipeline.prepare import host_background, prepare, restore
from modality_translate.pipeline.spec import Spec
from modality_translate.volumes.patches import Blend, corners, cut
from modality_translate.volumes.volume import Array, Shape, Volume

Predict = Callable[[Array], Array]
"""(N, 1, X, Y, Z) float32 in host units of the source to (N, 1, X - 2 hx, Y - 2 hy, Z - 2 hz) in those of the target,
with (hx, hy, hz) the halo of the spec's tiling."""
Progress = Callable[[int, int], None]
"""Called with the number of patches done and of all patches."""


def translate(
    volume: Volume, spec: Spec, predict: Predict, *, batch: int = 4, progress: Progress | None = None
) -> Volume:
    """`volume`, of the source's modality, as the target's modality on the same grid.

    Raises `VolumeError` for voxels that are no numbers, `ModelError` for an answer of wrong shape or with NaN.
    """
    prepared = prepare(volume, spec)
    return restore(translate_array(prepared.array, spec, predict, batch=batch, progress=progress), prepared, spec)


def translate_array(
    array: Array, spec: Spec, predict: Predict, *, batch: int = 4, progress: Progress | None = None
) -> Array:
    """`array` (X, Y, Z), host units of the source, translated to host units of the target, same shape.

    Holds one batch of patches at a time. `batch` changes speed and memory only: patches are blended in a fixed order.
    """
    x, y, z = array.shape
    blend = Blend((x, y, z), spec.tiling.core)
    places = corners((x, y, z), spec.tiling.core, spec.tiling.overlap)
    done = 0
    for group in _groups(places, batch):
        patches = _cut_all(array, group, spec)
        for corner, tile in zip(group, predict_checked(patches, spec, predict), strict=True):
            blend.add(corner, tile[0])
        done += len(group)
        if progress is not None:
            progress(done, len(places))
    return blend.result()


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


def _groups(places: list[Shape], batch: int) -> Iterator[list[Shape]]:
    if batch < 1:
        raise ValueError(f"batch {batch} must be at least 1")
    rest = iter(places)
    while group := list(islice(rest, batch)):
        yield group


def _cut_all(array: Array, places: list[Shape], spec: Spec) -> Array:
    """The input patches (N, 1, X, Y, Z) whose outputs start at `places`."""
    tiling, air = spec.tiling, host_background(spec.source)
    patches = [cut(array, corner, tiling.patch, tiling.halo, air) for corner in places]
    return np.stack(patches)[:, np.newaxis].astype(np.float32, copy=False)
