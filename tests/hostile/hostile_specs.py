"""Sound graphs whose metadata are made to do harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hostile_models import Make, sealed


def with_spec(text: Callable[[dict[str, Any]], str], schema: str = "1") -> Make:
    return lambda model, spec: sealed(model, text(spec.model_dump(mode="json")), schema)


def field_of_spec(*path: str | int, value: Any) -> Make:
    """The spec with one value replaced; NaN and infinity become what Python's json writes for them."""

    def text(spec: dict[str, Any]) -> str:
        place: Any = spec
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        return json.dumps(spec)

    return with_spec(text)


SPECS: dict[str, Make] = {
    "card_without_end": lambda m, s: sealed(m, s, **{"mtranslate.card": "card\n" * 20_000}),
    "author_without_end": lambda m, s: sealed(m, s, model_author="a" * 70_000),
    "schema_999": lambda m, s: sealed(m, s, schema="999"),
    "schema_negative": lambda m, s: sealed(m, s, schema="-1"),
    "schema_in_other_digits": lambda m, s: sealed(m, s, schema="١"),
    "schema_with_escapes": lambda m, s: sealed(m, s, schema="\x1b]0;owned\x07"),
    "spec_too_long": with_spec(lambda s: json.dumps(s) + " " * 16384),
    "spec_no_json": with_spec(lambda _: "not JSON \x1b[31m"),
    "spec_deeply_nested": with_spec(lambda _: "[" * 16000),
    "spec_with_a_key_twice": with_spec(lambda s: json.dumps(s)[:-1] + ', "name": "other"}'),
    "spec_with_an_unknown_key": field_of_spec("command", value="rm -rf /"),
    "spec_with_a_lone_surrogate": field_of_spec("name", value="\ud800"),
    "spec_nan": field_of_spec("source", "background", value=float("nan")),
    "spec_infinity": field_of_spec("target", "scaling", "hi", value=float("inf")),
    "spec_overflow": with_spec(lambda s: json.dumps(s).replace("-1000.0", "1e999")),
    "spec_endless_number": with_spec(lambda s: json.dumps(s).replace('"version": 1', '"version": ' + "1" * 5000)),
    "spec_future_version": field_of_spec("version", value=2),
    "patch_negative": field_of_spec("tiling", "patch", 0, value=-8),
    "patch_zero": field_of_spec("tiling", "patch", value=[0, 0, 0]),
    "patch_huge": field_of_spec("tiling", "patch", value=[10**9] * 3),
    "patch_fractional": field_of_spec("tiling", "patch", 0, value=8.5),
    "halo_as_large_as_the_patch": field_of_spec("tiling", "halo", value=[4, 4, 4]),
    "halo_negative": field_of_spec("tiling", "halo", value=[-4, -4, -4]),
    "overlap_of_one": field_of_spec("tiling", "overlap", value=1.0),
    "overlap_without_end": field_of_spec("tiling", value={"patch": [64, 64, 64], "overlap": 0.999999}),
    "spacing_zero": field_of_spec("spacing", value=[0, 0, 0]),
    "spacing_negative": field_of_spec("spacing", value=[-1, 1, 1]),
    "spacing_tiny": field_of_spec("spacing", value=[1e-9, 1e-9, 1e-9]),
    "window_upside_down": field_of_spec("target", "scaling", value={"kind": "window", "lo": 1, "hi": -1}),
    "modality_unknown": field_of_spec("source", "modality", value="../../etc"),
}
