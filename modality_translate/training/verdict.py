"""A verdict on a training, in words and figures."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Verdict:
    """What is the matter, the figures that show it, why, and which fields of the recipe to change how."""

    kind: str
    evidence: str
    cause: str
    change: dict[str, str] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        """All in one line."""
        changes = "; ".join(f"{key}: {advice}" for key, advice in self.change.items())
        return f"{self.kind}: {self.evidence}. {self.cause}" + (f" Change {changes}." if changes else "")
