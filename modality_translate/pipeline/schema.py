"""The JSON Schema of the spec, for hosts in other languages: `python -m modality_translate.pipeline.schema`."""

from __future__ import annotations

import json

from modality_translate.pipeline.spec import Spec


def spec_schema() -> str:
    """JSON Schema (draft 2020-12) of `mtranslate.spec`, indented, as export/spec.schema.json holds it."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Spec.model_json_schema()}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(spec_schema(), end="")
