"""One decision of a plan: a field of the recipe, its value, and the reason in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Decision:
    """What the plan chose for `field` (dotted, such as "geometry.patch"), and why."""

    field: str
    value: Any
    reason: str


class Book:
    """The decisions of a plan as they are made; a value that was given on the command line stands instead."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = dict(given)
        self.decisions: list[Decision] = []

    def settle(self, decision: Decision) -> Any:
        """Note `decision`; the value that later ones build on."""
        self.decisions.append(decision)
        return self.given.get(decision.field, decision.value)
