"""Recipes from TOML, with overrides put over them; what is wrong is named with the nearest right thing."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from modality_translate.errors import RecipeError
from modality_translate.recipe.whole import Recipe
from modality_translate.settings import Settings


def read_recipe(path: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """The recipe in `path` (TOML) with dotted overrides such as "optimiser.lr=1e-4" put over it.

    Raises `RecipeError` for text that is not TOML, unknown keys (naming the nearest known one) and bad values.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = "Give a recipe (.toml), or two folders with -a and -b."
        raise RecipeError(path, "there is no such file.", remedy) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(path, f"is not a readable TOML file ({error}).") from error
    values.setdefault("name", path.stem)
    return recipe_from(apply_overrides(values, overrides), str(path))


def recipe_from(values: dict[str, Any], origin: str) -> Recipe:
    """A checked recipe from plain values; `origin` names them in errors."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(origin, "; ".join(_explain(e) for e in error.errors())) from error


def apply_overrides(values: dict[str, Any], overrides: tuple[str, ...]) -> dict[str, Any]:
    """`values` with each "table.key=value" set; the value is read as TOML, or as text where it is none."""
    result = {key: dict(value) if isinstance(value, dict) else value for key, value in values.items()}
    for override in overrides:
        dotted, equals, text = override.partition("=")
        if not equals or not dotted:
            raise RecipeError(override, "is not of the form table.key=value.", "For example --set optimiser.lr=1e-4")
        *tables, key = dotted.strip().split(".")
        place = result
        for table in tables:
            place = place.setdefault(table, {})
            if not isinstance(place, dict):
                raise RecipeError(override, f"{table} is a value, not a table.")
        place[key] = _toml_value(text.strip())
    return result


def given_fields(overrides: tuple[str, ...]) -> dict[str, Any]:
    """Dotted field to plain value for each "table.key=value", each checked on its own.

    Raises `RecipeError` for unknown keys (naming the nearest known one) and values a field does not take.
    """
    return dict(_fields(apply_overrides({}, overrides), Recipe, ""))


def _fields(values: dict[str, Any], settings: type[Settings], table: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        field, name = settings.model_fields.get(key), f"{table}{key}"
        if field is None:
            raise RecipeError("--set", f"unknown key {name}{_nearest(key)}")
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Settings) and isinstance(value, dict):
            yield from _fields(value, kind, f"{name}.")
            continue
        adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
        try:
            yield name, adapter.dump_python(adapter.validate_python(value), mode="json")
        except ValidationError as error:
            raise RecipeError("--set", f"{name}: {'; '.join(_message(e) for e in error.errors())}") from error


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _explain(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        return f"{place}: {_message(error)}"
    return f"unknown key {place}{_nearest(str(error['loc'][-1]))}"


def _message(error: Any) -> str:
    if error["type"] != "tuple_type":
        return str(error["msg"])
    return f"{error['input']!r} is not a list in brackets, such as [1, 2] or ['a', 'b']"


def _nearest(key: str) -> str:
    nearest = difflib.get_close_matches(key, _known_keys(Recipe), n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _known_keys(settings: type[Settings]) -> list[str]:
    keys = list(settings.model_fields)
    for field in settings.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            keys += _known_keys(field.annotation)
    return keys
