from __future__ import annotations

from pathlib import Path

import pytest

from modality_translate.runtime import cores


@pytest.mark.parametrize(
    ("told", "usable", "whole"), [("1\n", 16, 8), ("1\n", 1, 1), ("0\n", 16, 16), ("unknown", 4, 4), (None, 4, 4)]
)
def test_two_threads_of_a_core_count_once(
    told: str | None, usable: int, whole: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cores, "_SHARED", tmp_path / "active")
    monkeypatch.setattr(cores, "usable_cores", lambda: usable)
    if told is not None:
        (tmp_path / "active").write_text(told)
    assert cores.whole_cores() == whole
