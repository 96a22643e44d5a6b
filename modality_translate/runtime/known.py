"""Which model files have been tried on this machine, so that daily use does not pay for the trial again.

One empty file per model in the user's cache, named by the model's hash. Without a place to write, every load tries.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from modality_translate.runtime.shipped import FOLDER

RULES = "1"
"""Of the trial; another number makes every file be tried again."""


def is_known(path: Path, sha256: str) -> bool:
    """Whether the model in `path`, of that hash, came with the package or was tried before."""
    with contextlib.suppress(OSError, RuntimeError):
        return path.resolve().parent == FOLDER.resolve() or _mark(sha256).is_file()
    return False


def remember(sha256: str) -> None:
    """The model of that hash was tried, or made, on this machine."""
    with contextlib.suppress(OSError, RuntimeError):
        _mark(sha256).parent.mkdir(parents=True, exist_ok=True)
        _mark(sha256).touch()


def cache_folder() -> Path:
    """mtranslate's folder in XDG_CACHE_HOME, or in ~/.cache."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The standard says that a relative path is to be ignored.
    return (base if base.is_absolute() else Path.home() / ".cache") / "mtranslate"


def _mark(sha256: str) -> Path:
    return cache_folder() / f"tried-{RULES}" / sha256
