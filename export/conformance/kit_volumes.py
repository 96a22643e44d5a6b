"""The kit's volumes: small bodies by formula, on grids and in files that hosts get wrong."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Shape = tuple[int, int, int]
Sizes = tuple[float, float, float]

FLOAT = np.dtype("<f4")

LEVELS = {"MR": 144.0, "CT": -600.0, "PET": 0.3}
"""Air ends here, in host units. 0.3 is no float32: hosts must round it before they compare."""

ORDERS = [(axes, flips) for axes in permutations(range(3)) for flips in product((1, -1), repeat=3)]
"""All 48 ways to store one volume: order of the axes, and direction of each."""


@dataclass(frozen=True)
class Scan:
    """Values (X, Y, Z) and where they lie: affine (4, 4), voxel indices to world RAS+ mm."""

    array: Array
    affine: Array


def body(modality: str, shape: Shape, seed: int) -> Array:
    """A body (X, Y, Z) that no flip or swap of axes leaves alone, in HU, SUV or arbitrary MR units."""
    x, y, z = (np.linspace(-1, 1, n).reshape(-1, *[1] * (2 - i)) for i, n in enumerate(shape))
    noise = np.random.default_rng(seed).random(shape)
    inside = (x / 0.8) ** 2 + (y / 0.7) ** 2 + (z / 1.4) ** 2 < 1
    bone = inside & ((x + 0.3) ** 2 + (y - 0.2) ** 2 + 0.1 * z**2 < 0.06)
    lesion = inside & ((x - 0.35) ** 2 + (y + 0.2) ** 2 + (z - 0.3) ** 2 < 0.05)
    tissue = 1 + 0.3 * x - 0.2 * y + 0.15 * z
    return _VALUES[modality](inside, bone, lesion, tissue, noise)


def _mr(inside: Array, bone: Array, lesion: Array, tissue: Array, noise: Array) -> Array:
    return np.where(bone, 60.0, np.where(lesion, 900.0, 400.0 * tissue)) * inside + 30.0 * noise


def _ct(inside: Array, bone: Array, lesion: Array, tissue: Array, noise: Array) -> Array:
    return np.where(inside, np.where(bone, 900.0, np.where(lesion, 80.0, 60.0 * tissue - 30.0)), -1000.0) + 20 * noise


def _pet(inside: Array, bone: Array, lesion: Array, tissue: Array, noise: Array) -> Array:
    return np.where(bone, 0.4, np.where(lesion, 9.0, 1.5 * tissue)) * inside + 0.1 * noise


_VALUES: dict[str, Callable[[Array, Array, Array, Array, Array], Array]] = {"MR": _mr, "CT": _ct, "PET": _pet}


def grid(spacing: Sizes, turns: Sizes = (0, 0, 0), axes: str = "RAS") -> Array:
    """An affine with voxels of `spacing` mm, stored along `axes`, turned about x, y and z by `turns` degrees."""
    turned = np.eye(3)
    for axis, degrees in enumerate(turns):
        angle, (i, j) = np.radians(degrees), [(1, 2), (2, 0), (0, 1)][axis]
        turn = np.eye(3)
        turn[i, i], turn[i, j], turn[j, i], turn[j, j] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        turned = turn @ turned
    directions = np.zeros((3, 3))
    for i, name in enumerate(axes):
        directions["RLAPSI".index(name) // 2, i] = 1 if name in "RAS" else -1
    affine = np.eye(4)
    # Rounded, so that the same file comes from every machine's sine.
    affine[:3, :3] = np.round(turned @ directions @ np.diag(spacing), 6)
    affine[:3, 3] = (-37.25, 12.5, 88.75)
    return affine


def reordered(scan: Scan, axes: tuple[int, ...], flips: tuple[int, ...]) -> Scan:
    """The same voxels at the same places, stored in another order of axes and directions."""
    moved = np.zeros((4, 4))
    moved[3, 3] = 1
    for i, (axis, flip) in enumerate(zip(axes, flips, strict=True)):
        moved[axis, i] = flip
        moved[axis, 3] = scan.array.shape[axis] - 1 if flip < 0 else 0
    array = scan.array.transpose(axes)[tuple(slice(None, None, flip) for flip in flips)]
    return Scan(array, scan.affine @ moved)


def write_volumes(folder: Path, modality: str) -> None:
    """Every single volume of one modality, as `folder`/NAME.nii or .nii.gz."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, shape, affine in _GRIDS:
        save(folder / f"{name}.nii.gz", Scan(body(modality, shape, len(name)), affine))
    save(folder / "negative.nii.gz", Scan(_negative(modality), grid((2, 2, 3), axes="LPS")))
    for name, array in _airy(modality):
        save(folder / f"{name}.nii.gz", Scan(array, grid((2, 2, 3), (4, -7, 9), "LAS")))
    for name, scan, dtype, change in _files(modality):
        save(folder / name, scan, dtype, change)


def write_orders(folder: Path, modality: str) -> None:
    """One volume in all 48 storage orders. Its sizes differ, and halving the odd ones meets the edge exactly."""
    folder.mkdir(parents=True, exist_ok=True)
    scan = Scan(body(modality, (19, 15, 11), 5), grid((1, 1.5, 2), (7, -4, 11)))
    for number, (axes, flips) in enumerate(ORDERS):
        save(folder / f"order-{number:02}.nii", reordered(scan, axes, flips))


Change = Callable[[nibabel.Nifti1Header], None]


def _sform_only(header: nibabel.Nifti1Header) -> None:
    header["qform_code"] = 0


def save(path: Path, scan: Scan, dtype: np.dtype = FLOAT, change: Change = _sform_only) -> None:
    """Write the values as `dtype` (byte order included) after `change` had its way with the header."""
    header = nibabel.Nifti1Header(endianness=dtype.byteorder if dtype.byteorder in "<>" else "<")
    header.set_data_shape(scan.array.shape)
    header.set_data_dtype(dtype)
    header.set_qform(scan.affine, code=1, strip_shears=True)
    header.set_sform(scan.affine, code=1)
    header.set_xyzt_units("mm")
    header.set_slope_inter(1, 0)
    change(header)
    header["magic"], header["vox_offset"] = b"n+1", 352
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    stored = (scan.array - inter) / slope
    stored = np.rint(stored).astype(dtype) if dtype.kind in "iu" else stored.astype(dtype)
    data = bytes(header.binaryblock) + bytes(4) + stored.tobytes(order="F")
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


_GRIDS: list[tuple[str, Shape, Array]] = [
    ("plain", (24, 20, 12), grid((2, 2, 3))),
    ("oblique", (22, 26, 13), grid((1.7, 1.9, 2.6), (12, -9, 23), "LPS")),
    ("flipped", (14, 25, 21), grid((3.1, 1.6, 2.2), axes="IPR")),
    ("anisotropic", (30, 28, 7), grid((1.1, 1.1, 6.5), (0, 0, 4), "LAS")),
    ("odd", (23, 17, 11), grid((1, 2, 3), axes="RPS")),
    ("four-slices", (29, 31, 4), grid((1.5, 1.5, 3), (3, 2, 1), "LPS")),
    ("smaller-than-a-patch", (7, 5, 3), grid((2, 2, 3))),
    ("sheared", (20, 22, 11), grid((2, 2, 3)) + 0.45 * np.outer([0, 1, 0, 0], [0, 0, 1, 0])),
    ("one-slice", (25, 27, 1), grid((2, 2, 3), axes="LPS")),
]


def _negative(modality: str) -> Array:
    """z-scored MR; CT padded with less than air outside the scanner's circle; PET with noise around 0."""
    array = body(modality, (21, 24, 10), 3)
    if modality == "MR":
        return (array - array.mean()) / array.std()
    if modality == "PET":
        return array - 0.05
    array[:3, :3] = array[-3:, :3] = array[:3, -3:] = array[-3:, -3:] = -2000.0
    return array


def _airy(modality: str) -> Iterator[tuple[str, Array]]:
    """A body in much air, with voxels far from it that are exactly at the level; two bodies apart; nothing but air.

    Then bright grains in the air: those of two voxels by two in a slice are noise, one of three by three is body.
    """
    yield "air-around", _in_air(modality, (50, 44, 33), [(5, 16, 14)])
    yield "two-bodies", _in_air(modality, (62, 30, 22), [(0, 2, 12), (41, 11, 1)])
    yield "only-air", _in_air(modality, (20, 23, 9), [])
    grainy = _in_air(modality, (54, 46, 30), [(20, 15, 11)])
    bright = {"MR": 500.0, "CT": 80.0, "PET": 3.0}[modality]
    grainy[2, 3, 14] = grainy[51:53, 40:42, 3:6] = grainy[49, 1:40, 17] = bright
    grainy[6:9, 39:42, 22] = grainy[0, 20, 26] = bright
    yield "grainy-air", grainy


def _in_air(modality: str, shape: Shape, corners: list[Shape]) -> Array:
    array = _VALUES[modality](*np.zeros((4, *shape), bool), np.random.default_rng(len(corners)).random(shape))
    if modality == "MR" and not corners:
        array[:] = 0  # percentiles would scale noise up to a body
    for number, (x, y, z) in enumerate(corners):
        array[x : x + 18, y : y + 16, z : z + 9] = body(modality, (18, 16, 9), number)
    array[-4:-1, -4:-1, -2] = LEVELS[modality]
    return array


def _files(modality: str) -> Iterator[tuple[str, Scan, np.dtype, Change]]:
    """One volume in files of many kinds: byte order, integers with a slope, no sform, no form at all, doubles."""
    scan = Scan(body(modality, (18, 21, 9), 8), grid((2, 2, 3), (5, 8, -14), "LAS"))

    def slope(header: nibabel.Nifti1Header) -> None:
        header.set_slope_inter(0.0625 if modality == "PET" else 0.5, -32.0 if modality == "CT" else 0.0)

    def qform_only(header: nibabel.Nifti1Header) -> None:
        header["sform_code"] = 0
        header["srow_x"], header["srow_y"], header["srow_z"] = (9, 9, 9, 9), (9, 9, 9, 9), (9, 9, 9, 9)

    def no_form(header: nibabel.Nifti1Header) -> None:
        header["sform_code"] = header["qform_code"] = 0

    yield "big-endian.nii", scan, np.dtype(">f4"), _sform_only
    yield "slope.nii.gz", scan, np.dtype("<i2"), slope
    yield "double.nii", scan, np.dtype("<f8"), _sform_only
    yield "qform-only.nii", scan, FLOAT, qform_only
    yield "no-form.nii", scan, FLOAT, no_form
