from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from modality_translate.pipeline.schema import spec_schema
from modality_translate.pipeline.spec import Spec

PUBLISHED = Path(__file__).parents[2] / "export" / "spec.schema.json"
FORMAT = PUBLISHED.with_name("FORMAT.md")


def test_the_published_schema_is_up_to_date():
    assert PUBLISHED.read_text(encoding="utf-8") == spec_schema(), "run: make schema"


def test_every_field_of_the_spec_is_specified():
    text = FORMAT.read_text(encoding="utf-8")
    assert [name for name in Spec.model_fields if f"`{name}" not in text] == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(spec: Spec, number: str):
    changed = json.loads(spec.canonical_json())
    changed["source"]["background"] = json.loads(number)
    with pytest.raises(ValidationError, match="finite"):
        Spec.model_validate(changed)
