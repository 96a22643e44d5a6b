"""Model files made to do harm, against everything that takes a model: each is refused, and nothing else happens."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostile_bombs import BOMBS
from hostile_models import GRAPHS, resealed, sealed
from hostile_specs import SPECS
from modality_translate.cli import main as entry
from modality_translate.errors import ModelError
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime import translator, trial, validate
from modality_translate.runtime.draft import Draft
from modality_translate.runtime.model_file import parse_model, read_model
from modality_translate.runtime.translator import Translator
from modality_translate.runtime.trial import Limits, try_model

REFUSED = {**GRAPHS, **SPECS}
GAIN = 2.0
SMALL = Limits(base_bytes=2**30, cpu_seconds=3, seconds=60)


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes as far as an engine has been taken in."""
    for module, name in ((translator, "open_engine"), (translator, "try_model"), (validate, "try_model")):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("a hostile file came as far as the engine"))


@pytest.fixture
def hostile(tmp_path: Path, graph: onnx.ModelProto, spec: Spec) -> Callable[[str], Path]:
    """Write the hostile model of that name beside a link to a secret and weights that it may ask for."""

    def write(name: str) -> Path:
        folder = tmp_path / "models"
        folder.mkdir()
        (folder / "weights.bin").write_bytes(np.float32(GAIN).tobytes())
        (folder / "link").symlink_to("/etc/passwd")
        (folder / f"{name}.onnx").write_bytes(REFUSED[name](graph, spec))
        return folder / f"{name}.onnx"

    return write


def listing(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.lstat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def mtranslate(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["mtranslate", *map(str, words)])
    with pytest.raises(SystemExit, match=r"\d") as ended:
        entry.main()
    return int(str(ended.value.code))


def is_plain(text: str) -> bool:
    return all(c.isprintable() for c in text.replace("\n", ""))


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_python_refuses_it(hostile: Callable[[str], Path], name: str, tmp_path: Path, capfd: Any):
    path = hostile(name)
    before = listing(tmp_path)
    with pytest.raises(ModelError, match=rf"{name}\.onnx: .+"):
        Translator.load(path, device="cpu")
    assert listing(tmp_path) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_the_commands_refuse_it_in_one_line(
    hostile: Callable[[str], Path], name: str, scans: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: Any
):
    path = hostile(name)
    before = listing(tmp_path)
    assert mtranslate(monkeypatch, "convert", "-m", path, "-i", scans, "-o", tmp_path / "out", "-d", "cpu") == 4
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith("Error: ")
    assert said.err.count("\n") == 1
    assert is_plain(said.err)
    assert mtranslate(monkeypatch, "inspect", "--validate", path) == 4
    said = capfd.readouterr()
    assert "failed" in said.out
    assert "NOT VALID" in said.out
    assert is_plain(said.out)
    assert listing(tmp_path) == before


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_bomb_is_stopped_in_its_trial(name: str, graph: onnx.ModelProto, spec: Spec, tmp_path: Path, capfd: Any):
    BOMBS[name](graph)
    path = tmp_path / "bomb.onnx"
    path.write_bytes(sealed(graph, spec))
    with pytest.raises(ModelError, match=r"bomb\.onnx: (asks for more|broke off its trial|cannot be)"):
        try_model(read_model(path), SMALL)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == [path]


def test_a_bomb_is_no_translator_for_convert(
    graph: onnx.ModelProto, spec: Spec, scans: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: Any
):
    BOMBS["tile"](graph)
    (tmp_path / "bomb.onnx").write_bytes(sealed(graph, spec))
    monkeypatch.setattr(trial, "LIMITS", SMALL)
    path, out = tmp_path / "bomb.onnx", tmp_path / "out"
    assert mtranslate(monkeypatch, "convert", "-m", path, "-i", scans, "-o", out, "-d", "cpu") == 4
    assert "bomb.onnx: " in capfd.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38])
def test_weights_that_are_no_numbers_are_refused(graph: onnx.ModelProto, spec: Spec, tmp_path: Path, value: float):
    graph.graph.initializer[0].float_data[0] = value
    (tmp_path / "model.onnx").write_bytes(sealed(graph, spec))
    with pytest.raises(ModelError, match=r"NaN or infinity|fails its self-test"):
        Translator.load(tmp_path / "model.onnx", device="cpu", trusted=True)


def test_a_pipe_a_device_and_a_folder_are_no_models(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "device.onnx").symlink_to("/dev/zero")
    (tmp_path / "loop.onnx").symlink_to("loop.onnx")
    (tmp_path / "folder.onnx").mkdir()
    for name in ("pipe", "device", "loop", "folder"):
        with pytest.raises(ModelError, match="no such model file"):
            Translator.load(tmp_path / f"{name}.onnx", device="cpu")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_file_changed_anywhere_and_sealed_again_is_read_or_refused(model: Path, data: st.DataObject):
    sound = model.read_bytes()
    end = sound.index(b"mtranslate.sha256") - 1
    start, length = data.draw(st.integers(0, end - 1)), data.draw(st.integers(0, 8))
    changed = sound[:start] + data.draw(st.binary(max_size=8)) + sound[min(start + length, end) :]
    with contextlib.suppress(ModelError):
        parse_model(Draft(Path("changed.onnx"), resealed(changed)))
