"""Who watches a conversion, and a translator to convert with."""

from __future__ import annotations

from pathlib import Path

import pytest

from modality_translate.runtime.translator import Translator


class Silent:
    """A watcher that remembers what ended and for whom was waited."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []
        self.waited: list[tuple[str, str]] = []

    def started(self, name: str, position: int, total: int) -> None:
        pass

    def patches(self, done: int, total: int) -> None:
        pass

    def waiting(self, name: str, holder: str) -> None:
        self.waited.append((name, holder))

    def finished(self, name: str, status: str, reason: str) -> None:
        self.ended.append((name, status))


@pytest.fixture
def watcher() -> Silent:
    return Silent()


@pytest.fixture
def translator(model: Path) -> Translator:
    return Translator.load(model, device="cpu", threads=1)
