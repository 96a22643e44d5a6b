from __future__ import annotations

import pytest
from pydantic import ValidationError

from modality_translate.settings import Settings


class Rate(Settings):
    value: float = 1.0


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Rate().value = 2.0  # type: ignore[misc]


def test_unknown_keys_are_refused():
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Rate.model_validate({"vlaue": 2.0})
