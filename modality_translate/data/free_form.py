"""Free-form registration of two volumes of one anatomy: where each voxel of one is shown by the other.

A displacement field of cubic B-splines on a coarse lattice of control points (Rueckert et al., IEEE TMI 1999) climbs
the mutual information of the two (Mattes et al., IEEE TMI 2003; MONAI's), which asks of two contrasts only that one can
be told from the other. It is measured on another sparse lattice of the body's voxels in every step, so that the time
does not grow with the volume.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import BSpline
from skimage.exposure import equalize_hist
from torch import Tensor
from torch.nn.functional import grid_sample

from modality_translate.pipeline.spec import Millimetres
from modality_translate.volumes.volume import Array, Shape

APART = 16.0
"""mm between control points: what is longer than that, such as a bone, shifts and turns but hardly bends."""
STEPS, POINTS = 150, 16000
RATE = 0.1
"""mm that a control point moves in a step, about."""
BENDING = 0.025
"""Information that a mean squared second difference of 1 mm² between control points must win."""
BINS, RANKS = 64, 4096
RANKED = 0.5
"""Share of a voxel's rank in its level; see `_levels`."""
BLUR = 0.5
"""Voxels; of what is moved, whose slopes would else be those of the interpolation."""
DEGREE = 3

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FreeForm:
    """A displacement field over a volume of `shape` with voxels of `spacing` mm."""

    control: NDArray[np.float32]
    """(3, nx, ny, nz): mm along the volume's axes."""
    shape: Shape
    spacing: Millimetres

    def displacement(self, part: slice = slice(None)) -> NDArray[np.float32]:
        """(3, X, Y, Z) in voxels; `part` is of X."""
        x, y, z = (torch.from_numpy(basis) for basis in _bases(self.shape, self.spacing))
        field = _field(torch.from_numpy(self.control), [x[part], y, z]).numpy()
        return np.asarray(field / np.reshape(self.spacing, (3, 1, 1, 1)), np.float32)

    def moved(self, array: Array) -> Array:
        """`array` as seen at every voxel's place plus its displacement: cubic, within the array's own range.

        Places outside the volume show its nearest voxel.
        """
        coefficients = ndimage.spline_filter(array, order=DEGREE, output=np.float32, mode="nearest")
        moved = np.empty(self.shape, np.float32)
        for x in range(self.shape[0]):
            still = np.stack(np.meshgrid([x], *map(np.arange, self.shape[1:]), indexing="ij"))
            places = still + self.displacement(slice(x, x + 1))
            moved[x] = ndimage.map_coordinates(coefficients, places, order=DEGREE, mode="nearest", prefilter=False)
        return np.clip(moved, array.min(), array.max())


def register(fixed: Array, moving: Array, inside: Mask, spacing: Millimetres, device: torch.device) -> FreeForm:
    """The field by which `moving` comes to lie on `fixed`, both (X, Y, Z) on one grid with voxels of `spacing` mm.

    They are compared where `inside` is true, which must be somewhere. The same call gives the same field on a CPU.
    """
    # Longer to import than torch, and every training imports this module.
    from monai.losses import GlobalMutualInformationLoss

    compared, target = (torch.from_numpy(array).to(device) for array in (inside, _levels(fixed, inside)))
    image = torch.from_numpy(_levels(ndimage.gaussian_filter(moving, BLUR), inside)).to(device)[None, None]
    bases = [torch.from_numpy(basis).to(device) for basis in _bases(fixed.shape, spacing)]
    control = torch.zeros(3, *(basis.shape[1] for basis in bases), device=device, requires_grad=True)
    information = GlobalMutualInformationLoss("b-spline", BINS)
    optimiser = torch.optim.Adam([control], RATE)
    course = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS, pct_start=0.1)
    for part in _sublattices(inside):
        chosen = compared[part]
        shift = _field(control, [basis[axis] for basis, axis in zip(bases, part, strict=True)])[:, chosen].T
        still = torch.nonzero(chosen) * part[0].step + torch.tensor([axis.start for axis in part], device=device)
        seen = _sampled(image, still + shift / torch.tensor(spacing, device=device))
        loss = information(seen.view(1, 1, -1), target[part][chosen].view(1, 1, -1)) + BENDING * _bending(control)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        course.step()
    return FreeForm(control.detach().cpu().numpy(), fixed.shape, spacing)


def _sublattices(inside: Mask) -> Iterator[tuple[slice, slice, slice]]:
    """For every step, another part of the voxels with about `POINTS` of those `inside`: each nth along every axis.

    On such a lattice the field is three matrix products.
    """
    step = max(1, round((np.count_nonzero(inside) / POINTS) ** (1 / 3)))
    draw, taken = np.random.default_rng(0), 0
    while taken < STEPS:
        x, y, z = (slice(int(start), None, step) for start in draw.integers(step, size=3))
        if inside[x, y, z].any():
            taken += 1
            yield x, y, z


def _field(control: Tensor, bases: list[Tensor]) -> Tensor:
    """(3, X, Y, Z) mm from the control points and the rows of the bases for X, Y and Z."""
    return torch.einsum("cijk,xi,yj,zk->cxyz", control, *bases)


def _bending(control: Tensor) -> Tensor:
    return torch.stack([torch.diff(control, n=2, dim=axis).square().mean() for axis in (1, 2, 3)]).sum()


def _levels(array: Array, inside: Mask) -> Array:
    """0 to 1, half by value and half by rank: soft tissues are a sliver of a CT's values, but most of its voxels."""
    low, high = np.percentile(array[inside], [1.0, 99.5])
    linear = np.clip((array - low) / max(high - low, 1e-12), 0.0, 1.0)
    return np.asarray((1.0 - RANKED) * linear + RANKED * equalize_hist(array, RANKS, inside), np.float32)


def _bases(shape: Shape, spacing: Millimetres) -> list[NDArray[np.float32]]:
    """For every axis, what each control point weighs at each voxel, (voxels, points)."""
    bases = []
    for size, side in zip(shape, spacing, strict=True):
        at = np.arange(size) * (side / APART)
        knots = np.arange(-DEGREE, math.floor(at[-1]) + DEGREE + 2, dtype=float)
        bases.append(BSpline.design_matrix(at, knots, DEGREE).toarray().astype(np.float32))
    return bases


def _sampled(image: Tensor, places: Tensor) -> Tensor:
    """`image` (1, 1, X, Y, Z) at voxel coordinates (n, 3), linearly interpolated."""
    last = torch.tensor([max(n - 1, 1) for n in image.shape[2:]], device=image.device)
    # The sampler wants -1 to 1 from the first voxel's centre to the last one's, and the last axis first.
    grid = (2.0 * places / last - 1.0).flip(-1).view(1, -1, 1, 1, 3)
    return grid_sample(image, grid, padding_mode="border", align_corners=True).flatten()
