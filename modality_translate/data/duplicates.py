"""The same voxels under two names, and one patient under several: either would let a score see its own answer."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np

from modality_translate.data.subjects import Case
from modality_translate.volumes.geometry import orient
from modality_translate.volumes.volume import Volume

TRAIN = "train"
OTHERS_SHOWN = 3
_SUBJECT = re.compile(r"(?:^|[_-])(sub-[A-Za-z0-9]+)")
_VISIT = re.compile(r"[_-](?:ses|session|visit|scan|day|run|time|timepoint|tp)[-_]?[A-Za-z0-9]+$", re.IGNORECASE)


def fingerprint(volume: Volume) -> str:
    """A hash of the voxel values in canonical order; name, file format, storage order and origin do not matter."""
    array, _ = orient(volume.array, volume.grid)
    shape = np.array(array.shape, np.int64).tobytes()
    return hashlib.sha256(shape + np.ascontiguousarray(array, np.float32).tobytes()).hexdigest()


def likely_patient(case: Case) -> str:
    """Who a case shows, by its name: its folder, a BIDS `sub-…`, or what stands before a visit such as `_day2`."""
    if "/" in case.name:
        return case.patient
    subject = _SUBJECT.search(case.name)
    return subject.group(1) if subject else _VISIT.sub("", case.name)


def duplicates(fingerprints: Mapping[tuple[str, str], str]) -> dict[str, list[str]]:
    """Reasons by case name, for (case name, side) -> fingerprint."""
    alike = defaultdict(list)
    for place, digest in fingerprints.items():
        alike[digest].append(place)
    reasons: dict[str, list[str]] = defaultdict(list)
    for places in alike.values():
        for name, side in places:
            others = sorted(f"{n} ({s})" for n, s in places if (n, s) != (name, side))
            if others:
                more = f" and {len(others) - OTHERS_SHOWN} more" if len(others) > OTHERS_SHOWN else ""
                reasons[name].append(f"the {side} holds the same voxels as {', '.join(others[:OTHERS_SHOWN])}{more}")
    return dict(reasons)


def leaks(cases: Iterable[Case], roles: Mapping[str, str]) -> dict[str, list[str]]:
    """Reasons by case name where the names tell of one patient both in training and in scoring.

    `roles` gives train, validation or held_out for each case name.
    """
    groups = defaultdict(list)
    for case in cases:
        if case.name in roles:
            groups[likely_patient(case)].append(case.name)
    reasons: dict[str, list[str]] = {}
    for patient, names in groups.items():
        if len({roles[name] == TRAIN for name in names}) > 1:
            told = ", ".join(f"{name} ({roles[name]})" for name in sorted(names))
            for name in names:
                reasons[name] = [f"patient {patient} is on both sides of the split: {told}"]
    return reasons
