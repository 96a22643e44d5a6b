"""Which file becomes which: decided, and refused where it cannot be right, before hours of work begin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from modality_translate.errors import NothingToDoError, VolumeError
from modality_translate.volumes import list_volumes, stem

Suffix = Literal[".nii.gz", ".nii"]
OnExists = Literal["error", "skip", "overwrite"]


@dataclass(frozen=True)
class Job:
    """One volume to convert; `name` is its path within the input, with "/" on every system."""

    name: str
    source: Path
    target: Path


@dataclass(frozen=True)
class Plan:
    """The jobs, and the output folder (none when one file is converted into a file of a given name)."""

    jobs: tuple[Job, ...]
    folder: Path | None

    def refuse_existing(self) -> None:
        """Raise `VolumeError` naming the first output that is already there."""
        present = [job.target for job in self.jobs if job.target.exists()]
        if present:
            more = f" (and {len(present) - 1} more)" if len(present) > 1 else ""
            raise VolumeError(present[0], f"is already there{more}; nothing was converted.",
                              "Give --on-exists skip or --on-exists overwrite.")  # fmt: skip


def plan(source: Path, out: Path, suffix: Suffix = ".nii.gz") -> Plan:
    """The jobs for a file or folder `source`: the tree is kept, names out are names in with `suffix`.

    `out` is a folder, or for one file also a file name that ends in .nii or .nii.gz. Raises `NothingToDoError` without
    any volume, and `VolumeError` where two inputs would become one output or an output would replace an input.
    """
    if source.is_dir():
        made = Plan(tuple(_jobs_of_folder(source, out, suffix)), out)
    elif not source.exists():
        raise NothingToDoError(source, "there is no such file or folder.")
    elif out.name.lower().endswith((".nii", ".nii.gz")) and not out.is_dir():
        made = Plan((Job(source.name, source, out),), None)
    else:
        made = Plan((Job(source.name, source, out / (stem(source) + suffix)),), out)
    _check(made)
    return made


def _jobs_of_folder(source: Path, out: Path, suffix: Suffix) -> list[Job]:
    if out.exists() and not out.is_dir():
        raise VolumeError(out, "is a file; a folder of volumes needs a folder as output.")
    inside, own = out.resolve(), source.resolve()
    # Results of an earlier run below the input are not inputs of this one.
    found = [v for v in list_volumes(source) if inside == own or not v.resolve().is_relative_to(inside)]
    if not found:
        raise NothingToDoError(source, "holds no volume.", "Wanted are .nii, .nii.gz, .mgz, .mgh, or .hdr with .img.")
    within = [volume.relative_to(source) for volume in found]
    return [Job(w.as_posix(), v, out / w.parent / (stem(w) + suffix)) for v, w in zip(found, within, strict=True)]


def _check(made: Plan) -> None:
    sources = {job.source.resolve() for job in made.jobs}
    owners: dict[Path, Job] = {}
    for job in made.jobs:
        target = job.target.resolve()
        if target in sources:
            raise VolumeError(job.target, "would replace an input.", "Choose another output folder with -o.")
        if made.folder is not None and not target.is_relative_to(made.folder.resolve()):
            raise VolumeError(job.target, "leads out of the output folder through a link.", "Choose another with -o.")
        if target in owners:
            reason = f"would be written from both {owners[target].name} and {job.name}."
            raise VolumeError(job.target, reason, "Rename one of them, or convert them apart.")
        owners[target] = job
