"""Settings as TOML text. The standard library reads TOML but does not write it."""

from __future__ import annotations

import json
from typing import Any


def to_toml(values: dict[str, Any]) -> str:
    """TOML of nested plain values (tables, strings, numbers, booleans, lists of them); None is left out."""
    return "\n".join(_lines(values, ())) + "\n"


def _lines(table: dict[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in table.items() if value is not None and not isinstance(value, dict)}
    lines = [f"{key} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += ["", f"[{'.'.join((*path, key))}]", *_lines(value, (*path, key))]
    return lines


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        # JSON's escapes are TOML's; DEL alone must be escaped on top.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(_value(item) for item in value)}]"
