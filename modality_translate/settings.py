"""The base of every typed, frozen settings class: unknown keys and out-of-range values are errors."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen, closed, and documented field by field; serialises to plain JSON and TOML values."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
