"""Which predicted volume answers which reference volume."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modality_translate.errors import NothingToDoError, VolumeError
from modality_translate.evaluation.results import Failure
from modality_translate.volumes.folder import list_volumes, stem


@dataclass(frozen=True)
class Files:
    """The files of one case; without a mask file the reference's body is scored."""

    name: str
    predicted: Path
    reference: Path
    mask: Path | None = None


@dataclass(frozen=True)
class Matches:
    """The cases that can be scored, those that cannot, and the references nobody answered."""

    files: tuple[Files, ...]
    failures: tuple[Failure, ...] = ()
    unanswered: tuple[str, ...] = ()
    given_masks: bool = False


def match(predicted: Path, reference: Path, masks: Path | None = None) -> Matches:
    """Match the volumes of two folders by their path below the folder without suffix; two files are one case.

    `masks` is a folder matched the same way, or one file for every case. Raises `NothingToDoError` when no case is
    left, and `VolumeError` when a file faces a folder or two files have one name.
    """
    if predicted.is_dir() != reference.is_dir():
        raise VolumeError(
            predicted.name, "one side is a file and the other a folder.", "Give two files or two folders."
        )
    if predicted.is_dir():
        answers, truths = _by_name(predicted), _by_name(reference)
    else:
        # Names need not agree when two files are given; masks then go by the reference's name.
        answers, truths = {stem(reference): predicted}, {stem(reference): reference}
    if not answers:
        raise NothingToDoError(predicted.name, "no volume in this folder.", "Give a folder of predicted volumes.")
    shared = sorted(answers.keys() & truths.keys())
    if not shared:
        raise NothingToDoError(
            predicted.name,
            f"no name in common with the references: {min(answers)} against {min(truths, default='none')}.",
            "Give predictions the names of their references.",
        )
    inside = _masks(masks, shared)
    ready = tuple(Files(name, answers[name], truths[name], inside[name]) for name in shared if name in inside)
    if not ready:
        raise NothingToDoError("masks", "none has the name of a case.", "Give masks the names of the references.")
    return Matches(
        ready,
        (
            *(Failure(name, "no reference volume of this name") for name in sorted(answers.keys() - truths.keys())),
            *(Failure(name, "no mask of this name") for name in shared if name not in inside),
        ),
        tuple(sorted(truths.keys() - answers.keys())),
        masks is not None,
    )


def _masks(masks: Path | None, names: list[str]) -> dict[str, Path | None]:
    """The mask of every case that has one; one file, or none at all, serves every case."""
    if masks is None or not masks.is_dir():
        return dict.fromkeys(names, masks)
    return dict(_by_name(masks))


def _by_name(folder: Path) -> dict[str, Path]:
    """Volumes by their path below `folder`, without suffix and with forward slashes."""
    named: dict[str, Path] = {}
    for path in list_volumes(folder):
        name = (path.parent.relative_to(folder) / stem(path)).as_posix()
        if name in named:
            raise VolumeError(name, f"{named[name].name} and {path.name} share one name.", "Keep one of the two.")
        named[name] = path
    return named
