"""Cross-modality translation of medical volumes: MR, CT and PET.

The public names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modality_translate.runtime.translator import Translator
    from modality_translate.volumes import Volume, read_volume, write_volume

    __version__: str

__all__ = ["Translator", "Volume", "__version__", "read_volume", "write_volume"]

_HOMES = {
    "Translator": "modality_translate.runtime.translator",
    "Volume": "modality_translate.volumes",
    "read_volume": "modality_translate.volumes",
    "write_volume": "modality_translate.volumes",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("modality-translate")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
