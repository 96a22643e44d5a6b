"""Volumes out of what other libraries hold: numpy arrays with an affine, nibabel images."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from modality_translate.errors import VolumeError
from modality_translate.volumes.nifti import read_volume
from modality_translate.volumes.placement import check_affine, shear_notes
from modality_translate.volumes.volume import Affine, Forms, Volume


class Image(Protocol):
    """A nibabel image, or whatever has its voxels and its affine."""

    @property
    def dataobj(self) -> Any:
        """The scaled voxels (X, Y, Z), or what numpy can make into them."""

    @property
    def affine(self) -> Any:
        """Voxel indices to world RAS+ millimetres (4, 4)."""


Source = Volume | str | Path | Image | NDArray[Any]
"""Whatever stands for one 3D volume; an array needs an affine beside it."""


def as_volume(source: Source, affine: NDArray[Any] | None = None) -> Volume:
    """`source` as a volume: itself, read from its path, taken from a nibabel image, or of an array and its `affine`.

    Raises `VolumeError` for whatever is no single 3D volume of real numbers at a believable place.
    """
    if isinstance(source, np.ndarray):
        return _of_array(source, affine, "array", Forms())
    placed = hasattr(source, "dataobj") and hasattr(source, "affine")
    if not placed and not isinstance(source, Volume | str | Path):
        remedy = "Give a path, a Volume, a nibabel image, or a numpy array with affine=."
        raise VolumeError(type(source).__name__, "is no volume.", remedy)
    if affine is not None:
        raise VolumeError(f"{type(source).__name__}", "has an affine of its own.", "Give affine= with an array only.")
    if isinstance(source, Volume):
        return source
    if isinstance(source, str | Path):
        return read_volume(Path(source))
    return _of_image(source)


def _of_image(image: Image) -> Volume:
    try:
        array = np.asanyarray(image.dataobj)
    except Exception as error:  # what lazy readers raise has no common base
        reason = f"its voxels cannot be read ({type(error).__name__}: {str(error)[:100]})."
        raise VolumeError("image", reason, "Give the file's path: it is checked as it is read.") from error
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    header = getattr(image, "header", None)
    return _of_array(array, image.affine, "image", _forms(header))


def _forms(header: Any) -> Forms:
    try:
        return Forms(int(header["qform_code"]), int(header["sform_code"]))
    except (TypeError, KeyError, ValueError, IndexError):
        return Forms()


def _of_array(array: NDArray[Any], affine: NDArray[Any] | None, subject: str, forms: Forms) -> Volume:
    if array.ndim != 3 or not array.size:
        raise VolumeError(subject, f"has the shape {array.shape}.", "One 3D volume (X, Y, Z) is needed.")
    if array.dtype.kind not in "iufb":
        raise VolumeError(subject, f"holds {array.dtype}.", "Real numbers are needed.")
    if affine is None:
        raise VolumeError(subject, "comes without an affine.", "Give affine=, 4 x 4, from voxels to RAS+ mm.")
    placed = _affine(affine, subject)
    # Numbers beyond float32 become infinite, and that is refused with a count when the volume is prepared.
    with np.errstate(over="ignore"):
        volume = Volume.of(array, placed)
    return Volume(volume.array, volume.grid, forms, shear_notes(placed))


def _affine(affine: NDArray[Any], subject: str) -> Affine:
    try:
        placed = np.array(affine, np.float64)
    except (TypeError, ValueError) as error:
        raise VolumeError(subject, "has an affine that is no matrix of numbers.", "4 x 4 is needed.") from error
    if placed.shape != (4, 4) or not np.array_equal(placed[3], (0, 0, 0, 1)):
        raise VolumeError(subject, f"has the affine {placed.tolist()}.", "4 x 4 is needed, the last row 0 0 0 1.")
    check_affine(placed, subject)
    return placed
