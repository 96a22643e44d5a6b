"""Writes many subjects into a folder that the rest of the program takes as it stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from modality_translate.errors import RecipeError, VolumeError
from modality_translate.intensities.modality import MODALITIES, ModalityName
from modality_translate.phantom.settings import PhantomSettings
from modality_translate.phantom.subject import Subject, make_subject
from modality_translate.phantom.tissues import Label
from modality_translate.volumes import write_volume
from modality_translate.volumes.volume import Volume

SIDES: dict[ModalityName, tuple[str, ...]] = {"MR": ("T1", "T2", "FLAIR"), "CT": ("CT",), "PET": ("PET",)}
FOLDERS = ("t1", "t2", "flair", "ct", "pet", "labels", "field")
TRUTH, BEGUN = "cohort.json", ".mtranslate-phantom"
"""One of them marks a folder as a cohort's: the first is written last, the second is there until then."""


def write_cohort(
    folder: Path,
    subjects: int,
    seed: int,
    settings: PhantomSettings | None = None,
    *,
    unpaired: bool = False,
    overwrite: bool = False,
    progress: Callable[[str], None] | None = None,
) -> list[str]:
    """Write `subjects` heads into FOLDER/{t1,t2,flair,ct,pet,labels}/sub-000.nii.gz with FOLDER/cohort.json.

    A misaligned cohort also has FOLDER/field/sub-000-{x,y,z}.nii.gz: world mm, see `Subject.field`. An unpaired one
    takes MR, CT and PET from three groups of different subjects, so no id is in two folders of volumes.
    Subject i is the one of SeedSequence(seed, spawn_key=(i,)). `progress` hears each id once written.
    Returns the ids. Raises RecipeError for settings that do not fit, VolumeError for a folder that is in use.
    """
    settings = settings or PhantomSettings()
    _check(subjects, settings, unpaired=unpaired)
    _clear(folder, overwrite=overwrite)
    cases = []
    for index in range(subjects * 3 if unpaired else subjects):
        sides = (list(SIDES)[index // subjects],) if unpaired else tuple(SIDES)
        subject = make_subject(np.random.SeedSequence(seed, spawn_key=(index,)), settings)
        case = f"sub-{index:03d}"
        _write_subject(folder, case, subject, sides)
        cases.append({"id": case, "index": index, "modalities": sides, "lesions": [asdict(x) for x in subject.lesions]})
        if progress:
            progress(case)
    _write_truth(
        folder, {"seed": seed, "unpaired": unpaired, "settings": settings.model_dump(mode="json"), "subjects": cases}
    )
    return [str(case["id"]) for case in cases]


def is_cohort(folder: Path, subjects: int, seed: int, settings: PhantomSettings) -> bool:
    """Whether `folder` holds the whole paired cohort that `write_cohort` writes for these arguments."""
    try:
        truth = json.loads((folder / TRUTH).read_text(encoding="utf-8"))
        told = truth["seed"], truth["unpaired"], truth["settings"], len(truth["subjects"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return told == (seed, False, settings.model_dump(mode="json"), subjects)


def begun_cohort(folder: Path) -> bool:
    """Whether `write_cohort` has worked in `folder`, to its end or not."""
    return any((folder / name).is_file() for name in (TRUTH, BEGUN))


def _check(subjects: int, settings: PhantomSettings, *, unpaired: bool) -> None:
    if subjects < 1:
        raise RecipeError("subjects", f"{subjects} is not a number of subjects.", "Ask for at least 1.")
    if unpaired and settings.misalign != "none":
        reason = f"{settings.misalign!r} needs source and target of the same subject."
        raise RecipeError("misalign", reason, "Use 'none' for an unpaired cohort.")


def _clear(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder in use; to overwrite means to remove an earlier cohort's files and nothing else."""
    if folder.exists() and not folder.is_dir():
        raise VolumeError(folder, "is a file, but a cohort needs a folder.", "Name another folder.")
    if folder.is_dir() and any(folder.iterdir()):
        if not begun_cohort(folder):
            raise VolumeError(folder, "is not empty and not an earlier cohort's.", "Name another folder.")
        if not overwrite:
            raise VolumeError(folder, "is not empty.", "Name another folder, or allow overwriting (--overwrite).")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BEGUN).touch()
    (folder / TRUTH).unlink(missing_ok=True)
    for name in FOLDERS:
        for old in sorted((folder / name).glob("sub-*.nii.gz")):
            old.unlink()


def _write_subject(folder: Path, case: str, subject: Subject, sides: tuple[ModalityName, ...]) -> None:
    for side in sides:
        for key in SIDES[side]:
            path = _ready(folder / key.lower() / f"{case}.nii.gz")
            write_volume(path, subject.volumes[key], dtype=MODALITIES[side].stored, description=f"phantom {key}")
    labels = _ready(folder / "labels" / f"{case}.nii.gz")
    write_volume(labels, subject.labels, dtype="uint8", description="phantom labels")
    if subject.field is not None:
        for axis, component in zip("xyz", subject.field, strict=True):
            volume = Volume(component, subject.labels.grid)
            write_volume(
                _ready(folder / "field" / f"{case}-{axis}.nii.gz"), volume, description=f"displacement {axis}, mm"
            )


def _ready(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write_truth(folder: Path, truth: dict[str, Any]) -> None:
    content = {"labels": {label.name.lower(): int(label) for label in Label}, **truth}
    (folder / TRUTH).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / BEGUN).unlink()
