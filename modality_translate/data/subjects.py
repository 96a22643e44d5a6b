"""Which volumes belong together: two folders or patterns, or a CSV that names the pairs, become named cases."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from modality_translate.errors import NothingToDoError, PairingError, RecipeError
from modality_translate.recipe import Data
from modality_translate.volumes.folder import VOLUME_SUFFIXES, links_out, list_volumes, stem

NAMES_SHOWN = 3
COLUMNS = ("case", "source", "target")
NO_VOLUME = (
    f"Give a folder of volumes ({', '.join(VOLUME_SUFFIXES)}) or a pattern with `*`. DICOM is not read: convert it "
    "with dcm2niix first. Links that lead out of a folder are followed only by a pattern, such as 'folder/*.nii.gz'."
)


@dataclass(frozen=True)
class Case:
    """One name with its source, its target, or both (then they show the same anatomy)."""

    name: str
    source: Path | None = None
    target: Path | None = None

    @property
    def patient(self) -> str:
        """Who is shown: the part of the name before the first "/", so that `p1/day1` and `p1/day2` stay together."""
        return self.name.split("/")[0]

    @property
    def paired(self) -> bool:
        return self.source is not None and self.target is not None

    def swapped(self) -> Case:
        """The same case for the backward direction."""
        return Case(self.name, source=self.target, target=self.source)


@dataclass(frozen=True)
class Found:
    """The cases of a recipe, sorted by name, and what the user should know about those left aside."""

    cases: tuple[Case, ...]
    notes: tuple[str, ...] = ()


def find_cases(data: Data, base: Path) -> Found:
    """The cases of a recipe's `data`; its folders and patterns, or its pairs.csv, are relative to `base`.

    Paired data keep the names that both sides have. Raises `NothingToDoError` where a side has no volume and
    `PairingError` for names found twice, a file on both sides, a pairs.csv that does not hold, or (paired) no common
    name.
    """
    if data.pairs:
        sources, targets = listed_pairs(base / data.pairs)
    else:
        sources = volumes_by_case(data.source, base, "source")
        targets = volumes_by_case(data.target, base, "target")
    if shared := set(sources.values()) & set(targets.values()):
        remedy = f"Correct its lines in {data.pairs}." if data.pairs else "Give two folders that do not overlap."
        raise PairingError(min(shared).name, "is both a source and a target.", remedy)
    names = sorted(sources.keys() | targets.keys())
    cases = tuple(Case(name, sources.get(name), targets.get(name)) for name in names)
    found = _pairs_only(cases) if data.paired else Found(cases)
    notes = () if data.pairs else (*_links_left_out(data.source, base), *_links_left_out(data.target, base))
    return Found(found.cases, (*notes, *found.notes))


def volumes_by_case(text: str, base: Path, side: str) -> dict[str, Path]:
    """Case name to file for a folder (recursive; name = relative path without suffix) or a pattern with one `*`."""
    place = base / text
    found = _matching(place) if "*" in text else [(_name_in(place, path), path) for path in list_volumes(place)]
    if not found:
        raise NothingToDoError(text, f"no {side} volume was found.", NO_VOLUME)
    cases: dict[str, Path] = {}
    for name, path in found:
        if name in cases:
            raise PairingError(text, f"{cases[name].name} and {path.name} have the same case name {name}.")
        cases[name] = path
    return cases


def listed_pairs(table: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Case name to source and to target as `table` lists them (CSV, UTF-8); an empty cell leaves that side out."""
    sides: tuple[dict[str, Path], dict[str, Path]] = ({}, {})
    names: set[str] = set()
    for line, row in _rows(table):
        name = row["case"]
        if not name or name in names:
            reason = f"line {line}: the case {name} is there twice." if name else f"line {line}: the case has no name."
            raise PairingError(table.name, reason, "Give every line a name of its own.")
        names.add(name)
        for column, side in zip(COLUMNS[1:], sides, strict=True):
            if row[column]:
                side[name] = _listed_file(table, line, row[column])
    for column, side in zip(COLUMNS[1:], sides, strict=True):
        if not side:
            raise NothingToDoError(table.name, f"names no {column} volume.", "Fill in a line for each case.")
    return sides


def _rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """(line number, cells by column), stripped."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or ()
            found = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise PairingError(table.name, f"cannot be read as CSV ({reason}).", f"It needs {_header()}.") from error
    if missing := [column for column in COLUMNS if column not in columns]:
        there = f"its first line has {', '.join(columns)}" if columns else "it is empty"
        raise PairingError(table.name, f"has no column {', '.join(missing)}: {there}.", f"It needs {_header()}.")
    return [(line, {column: (row[column] or "").strip() for column in COLUMNS}) for line, row in found]


def _listed_file(table: Path, line: int, text: str) -> Path:
    path = table.parent / text
    if not path.is_file():
        raise PairingError(table.name, f"line {line}: there is no file {text}.", "Paths are relative to the CSV.")
    return path


def _header() -> str:
    return f"a first line with the columns {','.join(COLUMNS)}"


def _name_in(folder: Path, path: Path) -> str:
    return (path.parent / stem(path)).relative_to(folder).as_posix()


def _matching(pattern: Path) -> list[tuple[str, Path]]:
    """(what the star matched, file); the star stays within one folder level."""
    before, star, after = pattern.as_posix().partition("*")
    if not star or "*" in after:
        raise RecipeError(pattern.name, "a pattern needs exactly one `*`, which stands for the case.")
    folder, _, head = before.rpartition("/")
    tail, slash, rest = after.partition("/")
    found = []
    for entry in sorted(Path(folder or "/").iterdir()) if Path(folder or "/").is_dir() else ():
        middle = entry.name[len(head) : len(entry.name) - len(tail)]
        path = entry / rest if slash else entry
        if middle and entry.name == head + middle + tail and path.is_file():
            found.append((middle, path))
    return found


def _pairs_only(cases: tuple[Case, ...]) -> Found:
    pairs = tuple(case for case in cases if case.paired)
    alone_source = [case.name for case in cases if case.target is None]
    alone_target = [case.name for case in cases if case.source is None]
    if not pairs:
        sides = f"{len(alone_source)} sources ({_some(alone_source)}), {len(alone_target)} targets"
        raise PairingError(
            "pairing",
            f"no source has a target of the same name: {sides} ({_some(alone_target)}).",
            "Give pairs equal names, list them in a pairs.csv with the columns case,source,target (data.pairs), "
            "or train with data.paired = false (--unpaired).",
        )
    notes = []
    if alone_source:
        notes.append(f"{len(alone_source)} sources without a target are left out: {_some(alone_source)}")
    if alone_target:
        notes.append(f"{len(alone_target)} targets without a source are left out: {_some(alone_target)}")
    return Found(pairs, tuple(notes))


def _links_left_out(text: str, base: Path) -> list[str]:
    links = [] if "*" in text else [link.name for link in links_out(base / text)]
    why = f"of {text} lead out of it and were not followed (a pattern with `*` follows them)"
    return [f"{len(links)} links {why}: {_some(links)}"] if links else []


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
