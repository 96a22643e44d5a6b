from __future__ import annotations

from pathlib import Path

import pytest
import torch

from modality_translate.errors import RunError
from modality_translate.training.checkpoint import load_state, save_state


def test_a_state_comes_back(tmp_path: Path):
    save_state(tmp_path / "state", 5, {"step": 5, "weights": torch.arange(3.0)})
    state, notes = load_state(tmp_path / "state")
    assert state["step"] == 5
    assert torch.equal(state["weights"], torch.arange(3.0))
    assert notes == []


def test_the_two_newest_are_kept(tmp_path: Path):
    for step in (1, 20, 300):
        save_state(tmp_path, step, {"step": step})
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == [
        "step-00000020.safetensors",
        "step-00000300.safetensors",
    ]
    assert load_state(tmp_path)[0]["step"] == 300


@pytest.mark.parametrize("damage", ["cut", "flip", "unfinished"])
def test_a_damaged_state_gives_way_to_the_one_before(tmp_path: Path, damage: str):
    for step in (1, 2):
        save_state(tmp_path, step, {"step": step, "weights": torch.zeros(100)})
    newest = tmp_path / "step-00000002.safetensors"
    content = newest.read_bytes()
    if damage == "cut":
        newest.write_bytes(content[:-100])
    elif damage == "flip":
        newest.write_bytes(content[:-1] + b"\x01")
    else:
        newest.with_suffix(".sha256").unlink()
    state, notes = load_state(tmp_path)
    assert state["step"] == 1
    assert notes[0].startswith("step-00000002.safetensors is damaged")


def test_no_state_at_all_is_an_error(tmp_path: Path):
    with pytest.raises(RunError, match="no saved state"):
        load_state(tmp_path / "state")
