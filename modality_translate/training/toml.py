"""Settings as TOML text. The standard library reads TOML but does not write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modality_translate.printable import plain


def to_toml(values: dict[str, Any], comments: Mapping[str, str] | None = None) -> str:
    """TOML of nested plain values (tables, strings, numbers, booleans, lists of them); None is left out.

    `comments` stand above the key or table of their dotted name, and the one named "" above everything.
    """
    said = comments or {}
    head = [*_comment(said[""]), ""] if "" in said else []
    return "\n".join([*head, *_lines(values, (), said)]) + "\n"


def _lines(table: dict[str, Any], path: tuple[str, ...], comments: Mapping[str, str]) -> list[str]:
    lines = []
    for key, value in table.items():
        if value is not None and not isinstance(value, dict):
            lines += [*_comment(comments.get(_dotted(path, key), "")), f"{key} = {_value(value)}"]
    for key, value in table.items():
        if isinstance(value, dict):
            name = _dotted(path, key)
            lines += ["", *_comment(comments.get(name, "")), f"[{name}]", *_lines(value, (*path, key), comments)]
    return lines


def _dotted(path: tuple[str, ...], key: str) -> str:
    return ".".join((*path, key))


def _comment(text: str) -> list[str]:
    # TOML allows no control characters in comments, and file names may hold them.
    return [f"# {plain(line)}" for line in text.splitlines()]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        # JSON's escapes are TOML's; DEL alone must be escaped on top.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(_value(item) for item in value)}]"
