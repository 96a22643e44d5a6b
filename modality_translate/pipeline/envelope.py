"""What the training sources looked like, and whether a new volume is like them (raw units of the source)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from modality_translate.intensities.foreground import body_mask, guess_modality, sample
from modality_translate.intensities.modality import ModalityName
from modality_translate.intensities.units import strange_units
from modality_translate.pipeline.spec import Envelope, Millimetres, Spec
from modality_translate.volumes.geometry import orient
from modality_translate.volumes.slabs import ends
from modality_translate.volumes.volume import Volume

ENOUGH_VOXELS = 2_000_000
"""Statistics are taken from a regular subset of about this many voxels."""
SPACING_FACTOR = 2.0
EXTENT_FACTORS = (0.4, 2.5)
"""How far outside the training range voxel size and field of view may lie."""
CT_MEDIAN_MARGIN = 300.0
"""HU: the body's median moves by less than this between regions of the body, lungs apart."""
PET_FACTOR = 10.0
"""The body's median SUV moves by less than this between tracers' usual doses and times."""
AXES = ("left-right", "front-back", "head-foot")


class Measured(NamedTuple):
    """One volume's numbers, in canonical orientation; what each means stands at `Envelope`."""

    spacing: Millimetres
    extent: Millimetres
    low: float
    median: float
    high: float


def measure(volume: Volume, modality: ModalityName) -> Measured:
    """The numbers of one source volume, in its raw units."""
    array, grid = orient(volume.array, volume.grid)
    values = sample(array, ENOUGH_VOXELS)
    inside = values[body_mask(values, modality)]
    median, high = np.percentile(inside if inside.size else values, [50.0, 99.0])
    return Measured(grid.spacing, grid.extent, float(np.percentile(values, 1.0)), float(median), float(high))


def envelope_of(cases: Iterable[Measured]) -> Envelope:
    """The range that the training volumes span."""
    spacing, extent, low, median, high = zip(*cases, strict=True)
    return Envelope(
        spacing=_triple_range(spacing),
        extent=_triple_range(extent),
        low=(min(low), max(low)),
        median=(min(median), max(median)),
        high=(min(high), max(high)),
        cases=len(low),
    )


def check_envelope(volume: Volume, spec: Spec) -> list[str]:
    """Reasons, in plain words with numbers, why `volume` is not what the model was trained on; none if it fits.

    Generous on purpose: voxel size within a factor 2 of the training range, field of view within 0.4 to 2.5; absolute
    values are judged for CT and PET, as MR has no unit. Without an envelope in the spec only values are judged.
    """
    reasons, found = _judged(volume, spec.source.modality, "the model takes")
    if spec.envelope is None or found is None:
        return reasons
    if not reasons and spec.source.modality in _VALUE_CHECKS:
        reasons += _VALUE_CHECKS[spec.source.modality](found, spec.envelope)
    return [*reasons, *_spacing_reasons(found, spec.envelope), *_extent_reasons(found, spec.envelope)]


def check_values(volume: Volume, modality: ModalityName | None) -> list[str]:
    """Reasons why the values of `volume` are not those of its modality; none if they may be.

    Without a modality only empty volumes and voxels that are no numbers are told.
    """
    reasons, found = _judged(volume, modality or "MR", "expected is")
    return reasons if modality or found is None else []


def _judged(volume: Volume, modality: ModalityName, wanted: str) -> tuple[list[str], Measured | None]:
    """Reasons against the values, which begin what was expected by `wanted`; the numbers unless there are none."""
    least, most = ends(volume.array)
    if not np.isfinite([least, most]).all():
        return ["some voxels are NaN or infinite"], None
    if least == most:
        return [f"every voxel has the same value, {least:g}: the volume is empty"], None
    found = measure(volume, modality)
    strange = strange_units(modality, found.low, found.high, guess_modality(volume.array), wanted)
    return [strange] if strange else [], found


def _ct_reasons(found: Measured, envelope: Envelope) -> Iterator[str]:
    if not _within(found.median, envelope.median, CT_MEDIAN_MARGIN):
        yield (
            f"the body's median is {found.median:.4g} HU; the training volumes had "
            f"{envelope.median[0]:.4g} to {envelope.median[1]:.4g} HU"
        )


def _pet_reasons(found: Measured, envelope: Envelope) -> Iterator[str]:
    if not _within_factor(found.median, envelope.median, PET_FACTOR):
        yield (
            f"the body's median is {found.median:.4g} SUV; the training volumes had "
            f"{envelope.median[0]:.4g} to {envelope.median[1]:.4g} SUV"
        )


_VALUE_CHECKS: dict[ModalityName, Callable[[Measured, Envelope], Iterator[str]]] = {
    "CT": _ct_reasons,
    "PET": _pet_reasons,
}


def _spacing_reasons(found: Measured, envelope: Envelope) -> Iterator[str]:
    for axis, size, low, high in zip(AXES, found.spacing, *envelope.spacing, strict=True):
        if not _within_factor(size, (low, high), SPACING_FACTOR):
            yield f"the voxel size {axis} is {size:.3g} mm; the training volumes had {low:.3g} to {high:.3g} mm"


def _extent_reasons(found: Measured, envelope: Envelope) -> Iterator[str]:
    for axis, size, low, high in zip(AXES, found.extent, *envelope.extent, strict=True):
        if not low * EXTENT_FACTORS[0] <= size <= high * EXTENT_FACTORS[1]:
            yield f"the field of view {axis} is {size:.0f} mm; the training volumes had {low:.0f} to {high:.0f} mm"


def _within(value: float, limits: tuple[float, float], margin: float) -> bool:
    return limits[0] - margin <= value <= limits[1] + margin


def _within_factor(value: float, limits: tuple[float, float], factor: float) -> bool:
    return limits[0] / factor <= value <= limits[1] * factor


def _triple_range(triples: Iterable[Millimetres]) -> tuple[Millimetres, Millimetres]:
    x, y, z = zip(*triples, strict=True)
    return (min(x), min(y), min(z)), (max(x), max(y), max(z))
