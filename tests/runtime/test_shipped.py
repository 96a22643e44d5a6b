from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from modality_translate.cli.inspect import command as inspect
from modality_translate.errors import ModelError
from modality_translate.runtime import shipped
from modality_translate.runtime.translator import Translator


@pytest.fixture
def shelf(model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that ships the small model under the name "model"."""
    monkeypatch.setattr(shipped, "FOLDER", model.parent)
    monkeypatch.chdir("/")
    return model


def test_a_shipped_model_is_loaded_by_its_name(shelf: Path):
    assert Translator.load("model", device="cpu").sha256 == Translator.load(shelf, device="cpu").sha256


def test_a_file_of_that_name_goes_first(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("model").write_bytes(b"the user's own")
    assert shipped.located("model") == Path("model")


def test_an_unknown_name_is_answered_with_the_known_ones(shelf: Path):
    with pytest.raises(ModelError, match=r"shipped model \(model\)"):
        Translator.load("modle", device="cpu")


def test_inspect_finds_it_too(shelf: Path):
    result = CliRunner().invoke(inspect, ["model"])
    assert result.exit_code == 0
    assert "kind: model" in result.stdout


def test_the_limb_model_comes_with_the_package():
    """It is small, passes its own test, and its card names the patients' source and its measured error."""
    translator = Translator.load("limb-mr-to-ct", device="cpu")
    assert shipped.located("limb-mr-to-ct").stat().st_size <= 12 * 2**20
    assert (translator.spec.source.modality, translator.spec.target.units) == ("MR", "HU")
    assert "Soft-tissue-Sarcoma" in translator.card
    assert "CC BY 3.0" in translator.card
    assert 0 < translator.spec.accuracy["mae"] < 61.9
