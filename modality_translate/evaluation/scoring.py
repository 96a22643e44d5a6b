"""From volumes to scores: each predicted volume against its reference, on one grid, inside one mask."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modality_translate.errors import RecipeError, TranslationError, VolumeError
from modality_translate.evaluation.matching import Files, Matches, match
from modality_translate.evaluation.metrics import (
    CT_LIMITS,
    MR_LIMITS,
    Mask,
    Protocol,
    limits_of,
    mae,
    psnr,
    suv_bias,
    tissue_mae,
)
from modality_translate.evaluation.results import Case, Evaluation, Failure
from modality_translate.evaluation.ssim import ms_ssim, ssim
from modality_translate.intensities.foreground import body_mask, guess_modality
from modality_translate.intensities.modality import MODALITIES, ModalityName
from modality_translate.intensities.scaling import Percentile
from modality_translate.intensities.units import strange_values
from modality_translate.volumes.geometry import orient, orient_like
from modality_translate.volumes.nifti import read_volume
from modality_translate.volumes.volume import Array, Grid, Volume

Watch = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Pair:
    """Predicted and reference values on one RAS+ grid, (X, Y, Z), in one unit, and the mask to score in."""

    predicted: Array
    reference: Array
    mask: Mask
    grid: Grid


def make_pair(predicted: Volume, reference: Volume, mask: Mask | None, modality: ModalityName) -> Pair:
    """Bring two volumes into one storage order and unit, ready to score.

    `mask` is in the reference's storage order; without one the body of the reference is scored. A reference MR is in
    arbitrary units: its foreground's percentiles 0.5 and 99.5 become 0 and 1000, the scaled MR that translators
    write. Raises `VolumeError` if the grids differ, the mask is empty, or a value in it is not finite.
    """
    answer, grid = orient(predicted.array, predicted.grid)
    truth, true_grid = orient(reference.array, reference.grid)
    if not grid.matches(true_grid):
        raise VolumeError(
            "predicted volume",
            f"on another grid than the reference: {_described(grid)} against {_described(true_grid)}.",
            "Resample one onto the other's grid first.",
        )
    for name, array in (("predicted volume", answer), ("reference volume", truth)):
        if not np.isfinite(array).all():
            raise VolumeError(name, f"{np.sum(~np.isfinite(array))} voxels are not finite.", "Repair the volume first.")
    inside = body_mask(truth, modality, true_grid.spacing) if mask is None else _oriented_mask(mask, reference.grid)
    if not inside.any():
        raise VolumeError("mask", "no voxel is inside.", "Give a mask that covers the patient.")
    if modality == "MR":
        body = inside if mask is None else body_mask(truth, modality, true_grid.spacing)
        truth = Percentile().normalise(truth, body)
    return Pair(answer, truth, inside, true_grid)


def guess_target(matches: Matches) -> ModalityName:
    """CT if the first reference looks like it; raises `RecipeError` otherwise, as MR and PET look alike in numbers."""
    first = matches.files[0].reference
    modality = guess_modality(read_volume(first).array)
    if modality is None:
        raise RecipeError(first.name, "does not look like CT.", "Say what it is: --modality CT, MR or PET.")
    return modality


def load_pair(files: Files, modality: ModalityName) -> Pair:
    """Read one case; raises `VolumeError` as `make_pair` and `read_volume` do."""
    reference = read_volume(files.reference)
    return make_pair(read_volume(files.predicted), reference, _read_mask(files.mask, reference.grid), modality)


def score_pair(pair: Pair, modality: ModalityName, protocol: Protocol) -> dict[str, float]:
    """Every metric that applies, by name (see `METRICS`); what is not defined for the pair is left out."""
    values = pair.predicted, pair.reference, pair.mask
    limits = limits_of(modality, protocol, pair.reference, pair.mask)
    scores = {"mae": mae(*values), "psnr": psnr(*values, limits)}
    if protocol == "synthrad2023":
        scores["ssim"] = ssim(*values, limits)
    else:
        scores["ms_ssim"] = ms_ssim(*values, limits)
    if modality == "CT":
        scores |= tissue_mae(*values)
    if modality == "PET":
        scores["suv_bias"] = suv_bias(*values)
    return {name: score for name, score in scores.items() if not math.isnan(score)}


def score_case(
    predicted: Volume,
    reference: Volume,
    mask: Mask | None,
    modality: ModalityName,
    protocol: Protocol = "synthrad2025",
) -> dict[str, float]:
    """Scores of one predicted volume; `mask` (X, Y, Z) is in the reference's storage order; none means its body.

    Raises `VolumeError` as `make_pair` does.
    """
    return score_pair(make_pair(predicted, reference, mask, modality), modality, protocol)


def score_folder(
    predicted: Path,
    reference: Path,
    masks: Path | None,
    modality: ModalityName,
    protocol: Protocol = "synthrad2025",
    watch: Watch | None = None,
) -> Evaluation:
    """Score two folders, or two files, of predicted and reference volumes; `match` and `score_matches` in one."""
    return score_matches(match(predicted, reference, masks), modality, protocol, watch)


def score_matches(
    matches: Matches, modality: ModalityName, protocol: Protocol = "synthrad2025", watch: Watch | None = None
) -> Evaluation:
    """Score every case; one that cannot be scored becomes a failure of the evaluation and the others go on.

    `watch(done, total)` is called after every case.
    """
    cases, failures, strange = [], list(matches.failures), list[str]()
    for done, files in enumerate(matches.files, start=1):
        try:
            pair = load_pair(files, modality)
            cases.append(_scored(files.name, pair, modality, protocol))
            strange += _strange(files.name, pair, modality)
        except TranslationError as error:
            failures.append(Failure(files.name, _reason(error)))
        if watch is not None:
            watch(done, len(matches.files))
    return Evaluation(
        modality,
        MODALITIES[modality].units,
        protocol,
        tuple(cases),
        tuple(failures),
        matches.unanswered,
        (*strange, *notes_on(modality, protocol, given_masks=matches.given_masks)),
    )


def notes_on(modality: ModalityName, protocol: Protocol, *, given_masks: bool) -> tuple[str, ...]:
    """What a reader must know to compare the figures with others."""
    low, high = CT_LIMITS[protocol]
    ranges = {
        "CT": f"{low:g} to {high:g} HU",
        "MR": f"{MR_LIMITS[0]:g} to {MR_LIMITS[1]:g} scaled MR",
        "PET": "0 to the largest reference value inside the mask, per case",
    }
    notes = [
        f"Protocol {protocol}; PSNR and structural similarity use the range {ranges[modality]}.",
        "Scored inside the given masks." if given_masks else "Scored inside the body of the reference.",
    ]
    if modality == "MR":
        notes.append("The reference MR was rescaled: its foreground's percentiles 0.5 and 99.5 became 0 and 1000.")
    return tuple(notes)


def _strange(name: str, pair: Pair, modality: ModalityName) -> list[str]:
    """What to tell of values that are scored as `modality` and do not look like it."""
    sides = {"predicted": pair.predicted, "reference": pair.reference}
    found = {side: strange_values(array, modality) for side, array in sides.items()}
    return [f"Caution: {name}: {side}: {reason}." for side, reason in found.items() if reason]


def _scored(name: str, pair: Pair, modality: ModalityName, protocol: Protocol) -> Case:
    limits = limits_of(modality, protocol, pair.reference, pair.mask)
    return Case(name, score_pair(pair, modality, protocol), limits, int(pair.mask.sum()))


def _read_mask(path: Path | None, grid: Grid) -> Mask | None:
    """The voxels above 0, in the reference's storage order."""
    if path is None:
        return None
    mask = read_volume(path)
    array, canonical = orient(mask.array, mask.grid)
    if not canonical.matches(orient(np.empty(grid.shape, np.float32), grid)[1]):
        raise VolumeError(
            path.name,
            f"the mask is on another grid than the reference: {_described(mask.grid)} against {_described(grid)}.",
            "Give a mask on the reference's grid.",
        )
    return np.asarray(orient_like(array, canonical, grid) > 0)


def _oriented_mask(mask: Mask, grid: Grid) -> Mask:
    if mask.shape != grid.shape:
        raise VolumeError("mask", f"shape {mask.shape}, the reference has {grid.shape}.", "Give one on its grid.")
    return np.asarray(orient(mask.astype(np.float32), grid)[0] > 0)


def _described(grid: Grid) -> str:
    shape = "×".join(map(str, grid.shape))
    spacing = "×".join(f"{side:.4g}" for side in grid.spacing)
    origin = ", ".join(f"{mm:.1f}" for mm in grid.affine[:3, 3])
    return f"{shape} voxels of {spacing} mm, {grid.orientation}, first at ({origin}) mm"


def _reason(error: TranslationError) -> str:
    """The error in one line with the file's name only, so that no folder of the user gets into a report."""
    return " ".join(part for part in (f"{Path(error.subject).name}: {error.reason}", error.remedy) if part)
