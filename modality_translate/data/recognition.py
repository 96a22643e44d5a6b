"""Which modality files hold, as far as their names tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from modality_translate.intensities.modality import ModalityName

WORDS: dict[ModalityName, set[str]] = {
    "MR": {"mr", "mri", "t1", "t1w", "t1c", "t1ce", "t1gd", "t2", "t2w", "t2s", "flair", "dixon", "swi", "dwi", "adc"},
    "CT": {"ct", "cbct", "ncct", "cect"},
    "PET": {"pet", "fdg", "suv", "nac", "pt"},
}
LEVELS = 2
"""Names that are read for one file: its own, then that of the folder it lies in. Those further up are of projects."""


def named_modality(paths: Iterable[Path]) -> ModalityName | None:
    """The one modality that the names of all files tell, such as MR for sub-1/t1.nii.gz or mr/p1.nii.gz.

    A file's own name counts first, then its folder's. None where names say nothing, more
    than one thing, or not all the same.
    """
    found = {_of_file(path) for path in paths}
    return found.pop() if len(found) == 1 else None


def _of_file(path: Path) -> ModalityName | None:
    for part in path.absolute().parts[: -LEVELS - 1 : -1]:
        words = set(re.split(r"[^a-z0-9]+", part.lower()))
        told = [modality for modality, known in WORDS.items() if words & known]
        if told:
            return told[0] if len(told) == 1 else None
    return None
