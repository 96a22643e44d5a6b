"""What is installed, by the extras that the distribution itself declares."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata

DISTRIBUTION = "modality-translate"
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)[^;]*(?:;.*extra\s*==\s*[\"'](?P<extra>[^\"']+)[\"'])?")


@dataclass(frozen=True)
class Package:
    """One requirement; `version` is empty when it is not installed, `extra` when it is always needed."""

    name: str
    extra: str
    version: str


def installed_packages() -> tuple[Package, ...]:
    """Every package that the distribution names, in its order, with the version found here."""
    matches = (_REQUIREMENT.match(line) for line in metadata.requires(DISTRIBUTION) or ())
    return tuple(_package(match["name"], match["extra"] or "") for match in matches if match)


def _package(name: str, extra: str) -> Package:
    try:
        return Package(name, extra, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Package(name, extra, "")


def install_line(extra: str) -> str:
    """What to type for an extra, or for the base installation."""
    return f"pip install '{DISTRIBUTION}[{extra}]'" if extra else f"pip install {DISTRIBUTION}"
