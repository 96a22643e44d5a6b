"""A missing optional part of the installation is answered with the line that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from modality_translate.errors import MissingExtraError


@contextmanager
def needs_extra(extra: str, command: str) -> Iterator[None]:
    """Around the imports of `command`: a package that is not there becomes one line with the pip command."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("modality_translate"):
            raise
        reason = f"needs the package {error.name}, which is not installed."
        raise MissingExtraError(command, reason, f"pip install 'modality-translate[{extra}]'") from error
