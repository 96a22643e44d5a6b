from __future__ import annotations

from pathlib import Path

import pytest

from modality_translate.runtime import engine_cache
from modality_translate.runtime.engine_cache import Verdict, cache_folder, recall, remember

MODEL = "ab" * 32


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mtranslate" / "engines"


def test_what_was_measured_is_known_again(folder: Path):
    assert recall(MODEL, None) is None
    verdict = Verdict.of(MODEL, None, "openvino", 1.62)
    remember(verdict)
    assert recall(MODEL, None) == verdict
    assert [path.suffix for path in folder.iterdir()] == [".json"]


def test_another_model_machine_or_engine_asks_again(monkeypatch: pytest.MonkeyPatch):
    remember(Verdict.of(MODEL, 2, "openvino", 1.62))
    assert recall("cd" * 32, 2) is None
    assert recall(MODEL, 3) is None
    with monkeypatch.context() as patch:
        patch.setattr(engine_cache, "_processor", lambda: "another")
        assert recall(MODEL, 2) is None
    monkeypatch.setattr(engine_cache, "_versions", lambda: {"openvino": "2099.1"})
    assert recall(MODEL, 2) is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff\xfe", b'{"faster": "torch"}', b"9" * 5000])
def test_a_damaged_memory_is_ignored_and_replaced(folder: Path, damage: bytes):
    verdict = Verdict.of(MODEL, None, "onnxruntime", 0.97)
    remember(verdict)
    verdict.file().write_bytes(damage)
    assert recall(MODEL, None) is None
    remember(verdict)
    assert recall(MODEL, None) == verdict


def test_a_verdict_under_the_name_of_another_is_ignored():
    mine, other = Verdict.of(MODEL, None, "openvino", 2.0), Verdict.of("cd" * 32, None, "openvino", 2.0)
    remember(other)
    mine.file().write_bytes(other.file().read_bytes())
    assert recall(MODEL, None) is None


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    remember(Verdict.of(MODEL, None, "openvino", 2.0))
    assert recall(MODEL, None) is None


def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert cache_folder() == Path.home() / ".cache" / "mtranslate"
