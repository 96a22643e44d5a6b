"""One experiment, whole."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from modality_translate.pipeline.spec import Spec
from modality_translate.recipe.learning import Discriminator, Generator, Objective, Optimiser, Training
from modality_translate.recipe.volumes import Augmentation, Data, Geometry, Side
from modality_translate.settings import Settings

REGISTERS_FIRST = "reggan"
"""The objective whose pairs are registered unless `data.registration` is given: its network mends what that leaves."""


class Recipe(Settings):
    """One experiment, whole."""

    name: str
    seed: int = Field(0, ge=0)
    data: Data
    source: Side
    target: Side
    geometry: Geometry = Geometry()
    generator: Generator = Generator()
    discriminator: Discriminator = Discriminator()
    objective: Objective = Objective()
    optimiser: Optimiser = Optimiser()
    training: Training = Training()
    augmentation: Augmentation = Augmentation()

    @model_validator(mode="before")
    @classmethod
    def _registers_first(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(data := values.get("data"), dict):
            return values
        modalities = [_within(values, side, "modality") for side in ("source", "target")]
        if _within(values, "objective", "kind") != REGISTERS_FIRST:
            return values
        if "PET" in modalities or not data.get("paired", True):
            return values
        return values | {"data": {"registration": "elastic"} | data}

    @model_validator(mode="after")
    def _registers_what_has_edges(self) -> Recipe:
        if self.data.registration != "none" and "PET" in (self.source.modality, self.target.modality):
            raise ValueError("data.registration needs sharp edges on both sides, and PET has none")
        return self

    def spec(self, backward: bool = False) -> Spec:
        """The contract of the trained model; `backward` swaps the roles (cyclegan's second direction)."""
        source, target = self.source.channel(), self.target.channel()
        if backward:
            source, target = target, source
        return Spec(
            name=f"{self.name}-backward" if backward else self.name,
            source=source,
            target=target,
            spacing=self.geometry.spacing,
            tiling=self.geometry.tiling(),
        )


def _within(values: dict[str, Any], table: str, key: str) -> Any:
    found = values.get(table)
    return found.get(key) if isinstance(found, dict) else None
