"""Where a NIfTI header places its voxels: the affine, the codes of its forms, and every doubt about them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError

from modality_translate.errors import VolumeError
from modality_translate.volumes.volume import Affine, Forms, Grid, Shape

SPACING_LIMITS = (1e-4, 1e4)
"""Smallest and largest believable voxel size, in mm."""
KNOWN_CODES = range(6)
FORM_ERRORS = (HeaderDataError, ValueError, np.linalg.LinAlgError)
REPAIR = "Set a valid sform and qform first, for example with nibabel or fslorient."


@dataclass(frozen=True, eq=False)
class Placement:
    """The affine (4, 4) to world RAS+ mm, its codes, and the notes."""

    affine: Affine
    forms: Forms
    notes: tuple[str, ...] = ()


def place(header: Any, shape: Shape, path: Path) -> Placement:
    """The affine nibabel would choose: sform if coded, else qform, else voxel sizes alone.

    `header` is a nibabel NIfTI header. Raises VolumeError when the chosen affine has no volume or is not finite.
    """
    header, sizes = _with_usable_sizes(header)
    qcode, scode = (_code(int(header[name])) for name in ("qform_code", "sform_code"))
    if scode:
        placement = _by_sform(header, shape, Forms(qcode, scode))
    elif qcode:
        placement = Placement(_qform(header, path), Forms(qcode, scode))
    else:
        note = "no orientation is recorded (sform and qform codes are 0): taken as left, anterior, superior voxel order"
        placement = Placement(np.asarray(header.get_base_affine(), float), Forms(0, 0), (note,))
    check_affine(placement.affine, path)
    notes = placement.notes + _size_notes(sizes, Grid(shape, placement.affine), header)
    return Placement(placement.affine, placement.forms, notes + shear_notes(placement.affine))


def check_affine(affine: Affine, path: Path | str) -> None:
    """Refuse an affine that cannot place voxels in a patient."""
    if not np.isfinite(affine).all():
        raise VolumeError(path, "has NaN or infinite numbers in its affine.", REPAIR)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    low, high = SPACING_LIMITS
    if spacing.min() < low or spacing.max() > high:
        sizes = " x ".join(f"{size:g}" for size in spacing)
        raise VolumeError(path, f"has voxels of {sizes} mm, which cannot be.", REPAIR)
    if abs(np.linalg.det(affine[:3, :3] / spacing)) < 1e-3:
        raise VolumeError(path, "has an affine with parallel axes (singular).", REPAIR)


def shear_notes(affine: Affine) -> tuple[str, ...]:
    """Say by how much the axes are off a right angle, if they are (gantry tilt)."""
    axes = (affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)).T
    shear = max(abs(float(np.degrees(np.arcsin(np.clip(a @ b, -1, 1))))) for a, b in combinations(axes, 2))
    if shear < 0.1:
        return ()
    return (f"the voxel axes are {shear:.1f} degrees off a right angle (gantry tilt?); the geometry is kept as it is",)


def _code(code: int) -> int:
    """Unheard-of positive codes mean some space, so "aligned"; negative ones mean nothing."""
    return code if code in KNOWN_CODES else 2 * (code > 0)


def _with_usable_sizes(header: Any) -> tuple[Any, Affine]:
    """The header with positive voxel sizes and a valid qfac, as nibabel repairs them, and the sizes as stored."""
    header = header.copy()
    stored = header["pixdim"].astype(float)
    header["pixdim"][1:4] = np.abs(header["pixdim"][1:4])
    if stored[0] not in (-1, 1):
        header["pixdim"][0] = 1
    return header, stored[1:4]


def _by_sform(header: Any, shape: Shape, forms: Forms) -> Placement:
    affine = np.asarray(header.get_sform(), float)
    if not forms.qform:
        return Placement(affine, forms)
    try:
        other = np.asarray(header.get_qform(), float)
        agree = Grid(shape, affine).matches(Grid(shape, other), tolerance=1)
    except FORM_ERRORS:
        agree = False
    if agree or not np.isfinite(affine).all():
        return Placement(affine, forms)
    # What is kept is one affine, so both codes must say where that one leads.
    note = f"sform (code {forms.sform}) and qform (code {forms.qform}) disagree by more than 1 mm: the sform is used"
    return Placement(affine, Forms(forms.sform, forms.sform), (note,))


def _qform(header: Any, path: Path) -> Affine:
    try:
        return np.asarray(header.get_qform(), float)
    except FORM_ERRORS as error:
        raise VolumeError(path, f"has a qform that is no rotation ({error}).", REPAIR) from error


def _size_notes(stored: Affine, grid: Grid, header: Any) -> tuple[str, ...]:
    notes = []
    actual = np.array(grid.spacing)
    if not np.all(np.abs(stored - actual) <= 0.01 * actual):
        says, are = (" x ".join(f"{size:.4g}" for size in sizes) for sizes in (stored, actual))
        notes.append(f"pixdim says {says} mm but the affine {are} mm: the affine is used")
    unit = {1: "metres", 3: "micrometres"}.get(int(header["xyzt_units"]) & 7)
    if unit:
        notes.append(f"xyzt_units says {unit}: taken as millimetres")
    return tuple(notes)
