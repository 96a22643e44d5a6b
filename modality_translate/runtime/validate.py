"""A model file against its specification (export/FORMAT.md), check by check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from modality_translate.errors import ModelError
from modality_translate.runtime.draft import Draft
from modality_translate.runtime.model_file import CHECKS, parse_model
from modality_translate.runtime.shipped import located
from modality_translate.runtime.trial import try_model

SELF_TEST = "self-test, in time and memory"
Result = Literal["passed", "failed", "not reached"]


@dataclass(frozen=True)
class Verdict:
    """What one check found; `reason` says why it failed."""

    check: str
    result: Result
    reason: str = ""


def validate(path: Path) -> tuple[Verdict, ...]:
    """Every check of the specification on the file in `path`, or on the shipped model of that name.

    A check is "not reached" when what it looks at could not be read. The self-test runs last, in a process of its own,
    and only on a file that passed everything else. Raises `MissingExtraError` if no engine is installed for it.
    """
    draft = Draft(located(path))
    verdicts = tuple(_structure(draft))
    if any(verdict.result != "passed" for verdict in verdicts):
        return (*verdicts, Verdict(SELF_TEST, "not reached"))
    try:
        try_model(parse_model(draft))
    except ModelError as error:
        return (*verdicts, Verdict(SELF_TEST, "failed", error.reason))
    return (*verdicts, Verdict(SELF_TEST, "passed"))


def _structure(draft: Draft) -> Iterator[Verdict]:
    told: set[str] = set()
    for name, check in CHECKS.items():
        try:
            check(draft)
        except ModelError as error:
            # What cannot be read fails the first check that needs it, and for the same reason all that follow.
            yield Verdict(name, "not reached") if error.reason in told else Verdict(name, "failed", error.reason)
            told.add(error.reason)
        else:
            yield Verdict(name, "passed")
