"""Trainings of seconds, started as a user starts them, for the measurements of kills and of several processes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from modality_translate.training.checkpoint import load_state

RECIPE = """
[data]
source = "phantom/t1"
target = "phantom/ct"
paired = {paired}
validation = 1
held_out = []
[source]
modality = "MR"
[target]
modality = "CT"
[geometry]
patch = [24, 24]
[generator]
width = 6
levels = 2
blocks = 1
dropout = {dropout}
[discriminator]
width = 6
layers = 1
[objective]
kind = "{kind}"
[training]
steps = {steps}
batch = 4
accumulate = {accumulate}
validate_every = {steps}
checkpoint_every = {checkpoint_every}
[augmentation]
rotate = 5.0
noise = 0.01
"""
UNPAIRED = ("cyclegan", "cut")
POLL_S = 0.005


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "modality_translate", *map(str, words)]


def run(*words: object) -> None:
    """Raises `CalledProcessError`, with what the command said above it."""
    done = subprocess.run(command(*words), capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    done.check_returncode()


def make_phantom(folder: Path) -> None:
    """Four heads, unless they are there."""
    if not (folder / "phantom" / "cohort.json").is_file():
        run("phantom", "-o", folder / "phantom", "-n", 4, "--spacing", 8)


def write_recipe(folder: Path, kind: str, steps: int, accumulate: int, dropout: float, checkpoint_every: int) -> Path:
    path = folder / f"{kind}.toml"
    paired = "false" if kind in UNPAIRED else "true"
    values = {"kind": kind, "steps": steps, "accumulate": accumulate, "dropout": dropout}
    path.write_text(RECIPE.format(paired=paired, checkpoint_every=checkpoint_every, **values))
    return path


def wait_for_step(folder: Path, process: subprocess.Popen[Any], step: int) -> None:
    """Until metrics.csv has the row of `step` (one per step in runs this short), or the process ends."""
    rows = folder / "metrics.csv"
    while process.poll() is None and not (rows.is_file() and rows.read_bytes().count(b"\n") > step):
        time.sleep(POLL_S)


def tensors(folder: Path) -> dict[str, Any]:
    """Everything a finished run keeps, by name: the full state (without the time it took) and all weights."""
    state, notes = load_state(folder / "state")
    assert not notes, notes
    del state["elapsed"]
    found: dict[str, Any] = {}
    _collect(state, "state", found)
    for file in sorted(folder.glob("*.safetensors")):
        found |= {f"{file.name}/{name}": tensor for name, tensor in load_file(file).items()}
    return found


def differing(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """Names whose values are not the same to the bit."""
    names = [name for name in first if name in second and not _same(first[name], second[name])]
    return sorted(names + list(first.keys() ^ second.keys()))


def _same(a: Any, b: Any) -> bool:
    return bool(torch.equal(a, b) if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) else a == b)


def _collect(value: Any, name: str, found: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _collect(item, f"{name}/{key}", found)
    else:
        found[name] = value
