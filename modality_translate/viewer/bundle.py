"""The page's modules as one script: modules cannot import each other when a page is opened from disk."""

from __future__ import annotations

import posixpath
import re

from modality_translate.viewer.assets import assets

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "([^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function\*?|class|const) (\w+)", re.MULTILINE)


def bundle(entry: str) -> str:
    """One script that does what the module at the address `entry`, such as "host/worker.js", does.

    Each module becomes a function of its own, called in the order of their imports, so that no names clash.
    """
    files = assets()
    order: list[str] = []
    _visit(entry, {name: files[name].read_text("utf-8") for name in files if name.endswith(".js")}, order)
    names = {address: f"module{number}" for number, address in enumerate(order)}
    return "\n".join(_wrapped(address, files[address].read_text("utf-8"), names) for address in order)


def _visit(address: str, sources: dict[str, str], order: list[str]) -> None:
    for _, wanted in _IMPORT.findall(sources[address]):
        if (other := _resolved(address, wanted)) not in order:
            _visit(other, sources, order)
    order.append(address)


def _resolved(address: str, wanted: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(address), wanted))


def _wrapped(address: str, source: str, names: dict[str, str]) -> str:
    exported = ", ".join(name for _, name in _EXPORT.findall(source))
    body = _IMPORT.sub(lambda found: f"const {found[1]} = {names[_resolved(address, found[2])]};", source)
    body = _EXPORT.sub(r"\1 \2", body)
    return f"const {names[address]} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();"
