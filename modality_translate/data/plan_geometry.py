"""Voxel size, slices or volumes, and the patch: chosen from a fingerprint and the machine, each with its reason."""

from __future__ import annotations

import math

from modality_translate.data.decision import Decision
from modality_translate.data.fingerprint import Fingerprint, Side
from modality_translate.data.machine import GIB, Machine
from modality_translate.pipeline.spec import Millimetres

THICK = 3.0
"""Anisotropy above which neighbouring slices share too little for 3D kernels, and the thick axis gets its 10th
percentile, so that thin scans are not thrown away (both as in nnU-Net)."""
FEW_SLICES = 32
"""Fewer in the 10th percentile: a 3D network would see mostly padding."""
STACK, SHORT_STACK = 5, 3
STACKED_SLICES, SOME_SLICES = 16, 8
"""Slices from which five, and three, neighbours are seen at once."""
FAR_SLICES = 5.0
"""mm between slices from which three neighbours show as much as five."""
LARGEST = {"cpu": 96, "cuda": 192}
LARGEST_UNPAIRED = {"cpu": 64, "cuda": 128}
LARGEST_3D = 128
"""Voxels along a side of the patch."""
MULTIPLE = 16
"""Patch sides are multiples of it, so that up to five levels fit."""
CONTEXT = 60.0
"""mm that a patch should show at least."""
COARSEST = 1.5
"""mm: voxels are not made coarser than this for speed. The limb pairs, 3 mm apart, lost nothing at 1.5 mm."""
UNSEEN = 0.001
"""Share of a target's body that may lie where its source shows nothing. Taken for air it is about 1000 HU off, so that
this costs 1 HU on average."""
BYTES = 220.0
"""Memory of a training step per voxel of the batch and channel of the first level, float32: activations, their
gradients, work space and the discriminator. 137 were measured (residual U-Net of width 24, 8 patches of 96 x 96, CPU);
the rest is for what was not. Two translators double it."""
USED = 0.6
"""Share of the free memory that is planned with."""


def choose_spacing(fingerprint: Fingerprint, machine: Machine, *, paired: bool) -> Decision:
    """The voxel size along R, A, S in mm that both sides are resampled to."""
    sides = [fingerprint.source] if paired else [fingerprint.source, fingerprint.target]
    sizes = [max(axis) for axis in zip(*(_own_spacing(side) for side in sides), strict=True)]
    reason = "median of the sources" if paired else "the coarser side's median, so that neither is seen interpolated"
    if any(side.anisotropy > THICK for side in sides):
        reason += f"; 10th percentile along the axis over {THICK:g} times as thick"
    floor, why = _finest(fingerprint, machine, paired=paired)
    if min(sizes) < floor:
        sizes, reason = [max(size, floor) for size in sizes], f"{reason}; at least {floor:.3g} mm, {why}"
    return Decision("geometry.spacing", [round(size, 4) for size in sizes], reason)


def choose_dims(fingerprint: Fingerprint, machine: Machine, *, paired: bool) -> Decision:
    """2 for slices, 3 for volumetric patches."""
    side, slices = fingerprint.source, int(min(fingerprint.source.shape_p10[2], fingerprint.target.shape_p10[2]))
    if side.anisotropy > THICK:
        return Decision("geometry.dims", 2, f"slices: voxels are {side.anisotropy:.1f} times as thick as wide")
    if slices < FEW_SLICES:
        return Decision("geometry.dims", 2, f"slices: scans of {slices} slices are too few for 3D")
    if not paired:
        return Decision("geometry.dims", 2, "slices: two translators and two discriminators are trained at once")
    if not machine.gpu:
        return Decision("geometry.dims", 2, "slices: 3D patches are too slow on a CPU")
    return Decision("geometry.dims", 3, f"3D: a GPU, {slices} slices and nearly cubic voxels")


def choose_context(fingerprint: Fingerprint, spacing: Millimetres, *, paired: bool) -> Decision:
    """Neighbouring slices that a slice-wise network sees."""
    slices = min(fingerprint.source.shape[2], fingerprint.target.shape[2])
    if not paired:
        return Decision("geometry.context", 1, "single slices: each output is fed back in")
    if slices < SOME_SLICES:
        return Decision("geometry.context", 1, f"single slices: there are only {slices}")
    if slices < STACKED_SLICES or spacing[2] > FAR_SLICES:
        reason = f"stacks of {SHORT_STACK}: {slices} slices, {spacing[2]:.3g} mm apart"
        return Decision("geometry.context", SHORT_STACK, reason)
    reason = f"stacks of {STACK} slices, {STACK * spacing[2]:.0f} mm: depth at nearly the price of one slice"
    return Decision("geometry.context", STACK, reason)


def choose_air(fingerprint: Fingerprint, *, paired: bool) -> Decision:
    """Whether translation leaves out what the source shows as air."""
    unseen = fingerprint.unseen
    if not paired or unseen is None:
        return Decision("geometry.skip_air", False, "air is computed: only pairs tell whether it is air in the target")
    place = f"of a target's body lies where its source shows nothing (at most {UNSEEN:.1%})"
    if unseen > UNSEEN:
        return Decision("geometry.skip_air", False, f"air is computed: {unseen:.1%} {place}")
    return Decision("geometry.skip_air", True, f"air is not computed, and stays air: {unseen:.2%} {place}")


def choose_slice_patch(fingerprint: Fingerprint, machine: Machine, spacing: Millimetres, *, paired: bool) -> Decision:
    """In-plane patch: the median slice rounded up to a multiple of 16 (one tile covers it), up to a limit."""
    largest = (LARGEST if paired else LARGEST_UNPAIRED)[machine.device]
    shape = resampled_shape(fingerprint.source, spacing)[:2]
    patch = [min(largest, _rounded(size)) for size in shape]
    reason = f"the median slice is {shape[0]} x {shape[1]} at this voxel size; at most {largest}"
    return Decision("geometry.patch", patch, reason + _padding(patch, shape))


def choose_volume_patch(
    fingerprint: Fingerprint, machine: Machine, spacing: Millimetres, width: int, batch: int
) -> Decision:
    """3D patch: as the median volume, its longest side shortened until `batch` of them fit into memory."""
    shape = resampled_shape(fingerprint.source, spacing)
    patch = [min(LARGEST_3D, _rounded(size)) for size in shape]
    while step_bytes(patch, width, batch) > machine.memory * USED and max(patch) > 2 * MULTIPLE:
        patch[patch.index(max(patch))] -= MULTIPLE
    size = "x".join(map(str, shape))
    reason = f"the median volume is {size}; {batch} need {step_bytes(patch, width, batch) / GIB:.1f} GiB"
    return Decision("geometry.patch", patch, f"{reason}, {machine.memory / GIB:.0f} are free{_padding(patch, shape)}")


def step_bytes(patch: list[int], width: int, batch: int, translators: int = 1) -> float:
    """Estimated memory of a training step in bytes, for float32; see `BYTES`."""
    return BYTES * width * batch * math.prod(patch) * translators


def resampled_shape(side: Side, spacing: Millimetres) -> tuple[int, int, int]:
    """The median shape (X, Y, Z) once resampled to `spacing`."""
    sizes = zip(side.shape, side.spacing, spacing, strict=True)
    x, y, z = (max(1, round(count * old / new)) for count, old, new in sizes)
    return x, y, z


def _own_spacing(side: Side) -> list[float]:
    thick = side.anisotropy > THICK
    return [
        p10 if thick and size == max(side.spacing) else size
        for size, p10 in zip(side.spacing, side.spacing_p10, strict=True)
    ]


def _finest(fingerprint: Fingerprint, machine: Machine, *, paired: bool) -> tuple[float, str]:
    """The voxel size below which nothing is gained on this machine, in mm, and why."""
    if machine.gpu:
        return 0.0, ""
    largest = (LARGEST if paired else LARGEST_UNPAIRED)[machine.device]
    floors = [(round(CONTEXT / largest, 2), f"so that a patch shows {CONTEXT:g} mm")]
    if paired and fingerprint.alignment is not None:
        apart = fingerprint.alignment.median
        floors.append((round(min(apart / 2, COARSEST), 2), f"finer is slower and the pairs lie {apart:.1f} mm apart"))
    return max(floors)


def _rounded(size: int) -> int:
    return max(MULTIPLE, math.ceil(size / MULTIPLE) * MULTIPLE)


def _padding(patch: list[int], shape: tuple[int, ...]) -> str:
    added = max(side - size for side, size in zip(patch, shape, strict=True))
    return f" (rounded up to a multiple of {MULTIPLE})" if added > 0 else ""
