"""Two processes that share each batch learn what one process does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from modality_translate.objectives import OBJECTIVES

EVERY = pytest.mark.parametrize("kind", sorted(OBJECTIVES))
RATE = 2e-3


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("together")
    script = Path(__file__).with_name("two_processes.py")
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@EVERY
def test_both_processes_have_the_same_to_the_bit(trained: Path, kind: str):
    first, second = (load_file(trained / f"{rank}-{kind}.safetensors") for rank in (0, 1))
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


@EVERY
def test_they_learn_what_one_process_learns_from_the_whole_batch(trained: Path, kind: str):
    alone, both = (load_file(trained / f"{who}-{kind}.safetensors") for who in ("alone", "0"))
    assert alone.keys() == both.keys()
    networks = [name for name in alone if "/network/" in name and alone[name].is_floating_point()]
    for name in networks:
        # Three steps of Adam move a weight by up to three rates; batch statistics are of order one.
        torch.testing.assert_close(both[name], alone[name], rtol=1e-3, atol=0.02 * RATE, msg=name)


def test_the_pool_of_earlier_images_is_one(trained: Path):
    alone, both = (load_file(trained / f"{who}-cyclegan.safetensors") for who in ("alone", "1"))
    for side in ("source_pool", "target_pool"):
        assert torch.equal(alone[f"cyclegan/{side}/random"], both[f"cyclegan/{side}/random"])
        torch.testing.assert_close(
            alone[f"cyclegan/{side}/images"], both[f"cyclegan/{side}/images"], rtol=1e-3, atol=1e-4
        )
