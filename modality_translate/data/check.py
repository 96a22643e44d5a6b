"""Whether volumes are fit to train on, before hours are spent: grids, overlap, units, alignment, leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from modality_translate.data.duplicates import TRAIN, duplicates, fingerprint, leaks
from modality_translate.data.misalignment import Misalignment, measure_misalignment
from modality_translate.data.recognition import named_modality
from modality_translate.data.subjects import Case
from modality_translate.errors import TranslationError
from modality_translate.intensities.foreground import guess_modality
from modality_translate.intensities.modality import ModalityName
from modality_translate.pipeline.envelope import check_values
from modality_translate.volumes.nifti import read_volume
from modality_translate.volumes.volume import Grid, Volume

Verdict = Literal["ok", "loose", "bad", "error"]
Modalities = tuple[ModalityName | None, ModalityName | None]
Watch = Callable[[int, int], None]
SIDES = ("source", "target")

TOLERATED = (2.0, 3.0)
"""mm: a median misalignment up to the coarsest voxel side, taken within these limits, is ok. On phantoms of 2 mm the
measure reads 0.3 to 0.5 for a true 0, and within 0.5 of the true median up to 3."""
TAIL = 1.8
"""The 90th percentile may be this many times as much: beyond, a part of the patient moved."""
FAR, FAR_TAIL = 5.0, 8.0
"""mm: median and 90th percentile above which a pair is bad. The measure ends at 12 mm along each axis."""
STRANGE = 0.5
"""Agreement below which the two volumes show different things. On limbs, partners from two patients reach 0.43 at most
and true ones 0.50 to 0.83; what is mirrored or far off can reach 0.6, but only with shifts that are far."""
LEAST_OVERLAP = 0.5
"""Share of the source's field of view that the target must cover."""
ENOUGH_FOR_GUESS = 5


@dataclass(frozen=True)
class VolumeFacts:
    """One file as it was read."""

    file: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    orientation: str
    fingerprint: str


@dataclass(frozen=True)
class Finding:
    """All that was found about one case. What could not be judged is None."""

    name: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    role: str | None = None
    source: VolumeFacts | None = None
    target: VolumeFacts | None = None
    same_grid: bool | None = None
    overlap: float | None = None
    """Share of the source's field of view that the target covers, 0 to 1."""
    misalignment: Misalignment | None = None


@dataclass(frozen=True)
class Report:
    """The findings, in the order of the cases."""

    findings: tuple[Finding, ...]
    modalities: Modalities

    def named(self, *verdicts: Verdict) -> list[str]:
        """Names of the cases with one of `verdicts`."""
        return [finding.name for finding in self.findings if finding.verdict in verdicts]

    def as_dict(self) -> dict[str, Any]:
        """Every figure, ready for JSON."""
        counts = Counter(finding.verdict for finding in self.findings)
        return {"modalities": self.modalities, "verdicts": dict(counts), "cases": [asdict(f) for f in self.findings]}


def check_cases(
    cases: tuple[Case, ...], modalities: Modalities, roles: Mapping[str, str] | None = None, watch: Watch | None = None
) -> Report:
    """Judge every case; a volume that cannot be read gives its case the verdict error and stops nothing.

    A modality that is None is the one that all file names tell, or CT where the volumes look like one; otherwise units
    stay unjudged. `roles` (train, validation or held_out by case name) lets leaks be found. `watch(done, total)` is
    called after every case. Two volumes are in memory at a time.
    """
    roles = roles or {}
    known = tuple(given or _recognised(cases, side) for given, side in zip(modalities, SIDES, strict=True))
    findings = []
    for done, case in enumerate(cases, 1):
        findings.append(replace(_examine(case, known), role=roles.get(case.name)))
        if watch is not None:
            watch(done, len(cases))
    prints = {(f.name, side): facts.fingerprint for f in findings for side in SIDES if (facts := getattr(f, side))}
    return Report(tuple(_with_shared(findings, duplicates(prints), leaks(cases, roles))), known)


def roles_of(names: Mapping[str, list[str]]) -> dict[str, str]:
    """Case name to train, validation or held_out, from what `Split.names` gives."""
    return {name: TRAIN if role.startswith(TRAIN) else role for role, listed in names.items() for name in listed}


def overlap(source: Grid, target: Grid) -> float:
    """Share (0 to 1) of `source`'s field of view that lies in `target`'s, in world space."""
    lines = [np.linspace(-0.5, size - 0.5, 2 * min(size, 24) + 1)[1::2] for size in source.shape]
    points = np.stack(np.meshgrid(*lines, indexing="ij")).reshape(3, -1)
    steps = np.linalg.inv(target.affine) @ source.affine
    places = steps[:3, :3] @ points + steps[:3, 3:]
    sizes = np.array(target.shape)[:, None]
    return float(((places >= -0.5 - 1e-4) & (places <= sizes - 0.5 + 1e-4)).all(axis=0).mean())


def judged(misalignment: Misalignment, tolerated: float) -> tuple[Verdict, tuple[str, ...]]:
    """ok, loose or bad, and why, for a measured misalignment where a median of `tolerated` mm is fine."""
    size = f"misaligned by {misalignment.median:.1f} mm (90th percentile {misalignment.p90:.1f} mm)"
    if misalignment.agreement < STRANGE:
        return "bad", (f"the two show different things: their edges agree by {misalignment.agreement:.2f} at best",)
    if misalignment.median > FAR or misalignment.p90 > FAR_TAIL:
        return "bad", (size,)
    if misalignment.median > tolerated or misalignment.p90 > TAIL * tolerated:
        return "loose", (size,)
    return "ok", ()


def _recognised(cases: tuple[Case, ...], side: str) -> ModalityName | None:
    """What all names of a side tell; else CT when most of its first readable volumes look like one."""
    if named := named_modality(path for case in cases if (path := getattr(case, side))):
        return named
    guesses: list[ModalityName | None] = []
    for case in cases[: 2 * ENOUGH_FOR_GUESS]:
        path = getattr(case, side)
        if path is None or len(guesses) == ENOUGH_FOR_GUESS:
            continue
        volume, _ = _read(path, side)
        if volume is not None:
            guesses.append(guess_modality(volume.array))
    return "CT" if guesses.count("CT") * 2 > len(guesses) else None


def _examine(case: Case, modalities: tuple[ModalityName | None, ...]) -> Finding:
    volumes: dict[str, Volume] = {}
    reasons: list[str] = []
    for side, modality in zip(SIDES, modalities, strict=True):
        path = getattr(case, side)
        if path is None:
            continue
        volume, problem = _read(path, side)
        reasons += problem
        if volume is not None:
            volumes[side] = volume
            reasons += [f"{side}: {reason}" for reason in check_values(volume, modality)]
    facts = {side: _facts(getattr(case, side), volume) for side, volume in volumes.items()}
    finding = Finding(case.name, "error" if reasons else "ok", tuple(reasons), **facts)
    return _compared(finding, volumes["source"], volumes["target"], modalities) if len(volumes) == 2 else finding


def _read(path: Path, side: str) -> tuple[Volume | None, list[str]]:
    try:
        return read_volume(path), []
    except TranslationError as error:
        return None, [f"{side} {path.name}: {error.reason}"]
    except OSError as error:
        return None, [f"{side} {path.name}: {error.strerror or 'cannot be read.'}"]


def _facts(path: Path, volume: Volume) -> VolumeFacts:
    x, y, z = (round(size, 4) for size in volume.grid.spacing)
    return VolumeFacts(path.name, volume.grid.shape, (x, y, z), volume.grid.orientation, fingerprint(volume))


def _compared(finding: Finding, source: Volume, target: Volume, modalities: tuple[ModalityName | None, ...]) -> Finding:
    """`finding` with what only both volumes together tell."""
    covered = overlap(source.grid, target.grid)
    finding = replace(finding, same_grid=source.grid.matches(target.grid, 1e-2), overlap=covered)
    if finding.verdict == "error":
        return finding
    if covered < LEAST_OVERLAP:
        reason = f"the target covers {covered:.0%} of the source's field of view"
        return replace(finding, verdict="bad", reasons=(reason,))
    found = measure_misalignment(source, target)
    finding = replace(finding, misalignment=found)
    if "PET" in modalities:
        # Uptake has few edges and no sharp ones, so its figures are shown and nothing is concluded from them.
        return finding
    if found is None:
        return replace(finding, verdict="bad", reasons=("too little structure in both to measure their alignment",))
    coarsest = max(*source.grid.spacing, *target.grid.spacing)
    verdict, reasons = judged(found, float(np.clip(coarsest, *TOLERATED)))
    return replace(finding, verdict=verdict, reasons=reasons)


def _with_shared(findings: list[Finding], *shared: dict[str, list[str]]) -> list[Finding]:
    """`findings` made bad, unless they are errors, where one of `shared` has reasons for them."""
    result = []
    for finding in findings:
        reasons = tuple(reason for group in shared for reason in group.get(finding.name, []))
        verdict = "bad" if reasons and finding.verdict != "error" else finding.verdict
        result.append(replace(finding, verdict=verdict, reasons=finding.reasons + reasons))
    return result
