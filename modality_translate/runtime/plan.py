"""Which file becomes which: decided, and refused where it cannot be right, before hours of work begin."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from modality_translate.errors import NothingToDoError, RecipeError, VolumeError
from modality_translate.volumes import links_out, list_volumes, stem
from modality_translate.volumes.folder import resolved, volume_suffix

Suffix = Literal[".nii.gz", ".nii"]
OnExists = Literal["error", "skip", "overwrite"]
Seen = tuple[int, int, int]
"""Inode, size and time of a file: another file, or new content, has others."""


_WANTED = "Wanted are .nii, .nii.gz, .mgz, .mgh, or .hdr with .img; convert DICOM with dcm2niix first."

LINKS_WANTED = "Links that lead out of the folder are followed with --follow-links."


@dataclass(frozen=True)
class Job:
    """One volume to convert.

    `name` is its path within the input, `output` that of the result within `Plan.base`; both with "/" on every system.
    """

    name: str
    source: Path
    target: Path
    output: str
    seen: Seen | None = None
    """The output as it was before the run began, none where there was none."""


@dataclass(frozen=True)
class Plan:
    """The jobs, and the output folder (none when one file is converted into a file of a given name)."""

    jobs: tuple[Job, ...]
    folder: Path | None
    unfollowed: tuple[str, ...] = ()
    """Names of links that lead out of the input: what is behind them is not converted."""

    @property
    def base(self) -> Path:
        """The folder that all outputs lie in."""
        return self.folder or self.jobs[0].target.parent

    def part(self, index: int, count: int) -> Plan:
        """Part `index`, counted from 0, of `count`: every volume is in one part, and in the same one each time.

        Raises `RecipeError` for a part that does not exist, and where one file was to be converted into one file.
        """
        if self.folder is None:
            raise RecipeError("--num-parts", "is for a folder as output.", "Give a folder with -o.")
        if not 0 <= index < count:
            reason = f"there is no part {index} of {count}."
            raise RecipeError("--part-id", reason, f"Parts are counted from 0: give 0 to {count - 1}.")
        return Plan(self.jobs[index::count], self.folder, self.unfollowed[index::count])

    def absolute(self) -> Plan:
        """The same files, whatever folder a process works in."""
        jobs = tuple(replace(j, source=j.source.absolute(), target=j.target.absolute()) for j in self.jobs)
        return replace(self, jobs=jobs, folder=self.folder and self.folder.absolute())

    def looked_at(self) -> Plan:
        """The same, with the outputs as they are now."""
        return replace(self, jobs=tuple(replace(job, seen=seen(job.target)) for job in self.jobs))

    def refuse_existing(self, known: frozenset[str] = frozenset()) -> None:
        """Raise `VolumeError` naming the first output that is already there, apart from the `known` ones."""
        present = [job.target for job in self.jobs if job.output not in known and job.target.exists()]
        if present:
            more = f" (and {len(present) - 1} more)" if len(present) > 1 else ""
            raise VolumeError(present[0], f"is already there{more}; nothing was converted.",
                              "Give --on-exists skip or --on-exists overwrite.")  # fmt: skip


def check_writable(place: Path) -> None:
    """Raise `VolumeError` if the file or folder `place`, or the folder it is to be made in, may not be written to."""
    there = next(folder for folder in (place, *place.absolute().parents) if folder.is_dir())
    if not os.access(there, os.W_OK):
        raise VolumeError(place, f"cannot be written: {there} may not be written to.", "Choose another place.")


def seen(target: Path) -> Seen | None:
    """What tells this very file, with this very content, from any other; none where nothing is."""
    try:
        found = target.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def plan(source: Path, out: Path, suffix: Suffix = ".nii.gz", *, follow_links: bool = False) -> Plan:
    """The jobs for a file or folder `source`: the tree is kept, names out are names in with `suffix`.

    `out` is a folder, or for one file also a file name that ends in .nii or .nii.gz. Links that lead out of a folder
    are followed if asked to; otherwise the plan names them. Raises `NothingToDoError` without any volume, and
    `VolumeError` where two inputs would become one output or an output would replace an input.
    """
    if source.is_dir():
        links = () if follow_links else tuple(link.relative_to(source).as_posix() for link in links_out(source))
        made = Plan(tuple(_jobs_of_folder(source, out, suffix, follow_links=follow_links)), out, links)
    elif not source.exists():
        raise NothingToDoError(source, "there is no such file or folder.")
    elif out.name.lower().endswith((".nii", ".nii.gz")) and not out.is_dir():
        made = Plan((Job(source.name, source, out, out.name),), None)
    elif volume_suffix(out) and not out.is_dir():
        raise VolumeError(out, "cannot be written in this format.", "End its name in .nii.gz or .nii.")
    else:
        name = stem(source) + suffix
        made = Plan((Job(source.name, source, out / name, name),), out)
    _check(made)
    return made


def _jobs_of_folder(source: Path, out: Path, suffix: Suffix, *, follow_links: bool) -> list[Job]:
    if out.exists() and not out.is_dir():
        raise VolumeError(out, "is a file; a folder of volumes needs a folder as output.")
    inside, own = out.resolve(), source.resolve()
    # Results of an earlier run below the input are not inputs of this one.
    listed = list_volumes(source, follow_links=follow_links)
    found = [v for v in listed if inside == own or not resolved(v).is_relative_to(inside)]
    if not found:
        only_links = not follow_links and links_out(source)
        raise NothingToDoError(source, "holds no volume.", LINKS_WANTED if only_links else _WANTED)
    within = [volume.relative_to(source) for volume in found]
    outputs = [w.parent / (stem(w) + suffix) for w in within]
    return [Job(w.as_posix(), v, out / o, o.as_posix()) for v, w, o in zip(found, within, outputs, strict=True)]


def _check(made: Plan) -> None:
    sources = {resolved(job.source) for job in made.jobs}
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
