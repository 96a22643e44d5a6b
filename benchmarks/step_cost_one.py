"""Steps of one objective in this process, for step_cost.py; prints JSON.

PYTHONPATH=.:benchmarks python -m step_cost_one --reference cyclegan
PYTHONPATH=.:benchmarks python -m step_cost_one recipes/sts_mr_to_ct.toml --set objective.kind=hybrid
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import time
from collections.abc import Callable
from pathlib import Path

import torch
from lightning_fabric import Fabric

from modality_translate.objectives import Batch, build_objective
from modality_translate.recipe import Recipe, read_recipe
from modality_translate.training.device import open_fabric
from reference.objectives import GAMES
from reference.slices import SIZE

WARM_UP = 2
Step = Callable[[], object]


def reference_step(kind: str, device: torch.device) -> tuple[Step, int]:
    """A step on a random pair, and its pixels."""
    game = GAMES[kind](device)
    source, target = torch.rand(2, 1, 1, SIZE, SIZE, device=device) * 2.0 - 1.0
    return lambda: game.step(source, target), SIZE * SIZE


def our_step(recipe: Recipe, fabric: Fabric) -> tuple[Step, int]:
    """A step on a random batch with every term switched on, and the pixels it translates."""
    objective = build_objective(recipe, fabric)
    objective.set_rate(1.0)
    size = (recipe.training.batch, 1, *recipe.geometry.tiling().patch)
    source, target = torch.rand(2, *size, device=fabric.device) * 2.0 - 1.0
    batch = Batch(source, target, torch.ones_like(target) if recipe.data.paired else None)
    return lambda: objective.step(batch, progress=1.0), recipe.training.batch * math.prod(recipe.geometry.patch)


def timed(step: Step, count: int, device: torch.device) -> list[float]:
    """Seconds of each step, warm-up apart."""
    seconds = []
    for _ in range(WARM_UP + count):
        began = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - began)
    return seconds[WARM_UP:]


def peak_mib(device: torch.device) -> float:
    """The most this process has held so far: on a GPU of its tensors, else of everything resident."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device)) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path, nargs="?")
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--reference", choices=sorted(GAMES))
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--threads", type=int)
    parser.add_argument("-d", "--device", default="cpu")
    given = parser.parse_args()
    fabric = open_fabric(given.device, "32", given.threads)
    imported = peak_mib(fabric.device)
    if given.reference:
        step, pixels = reference_step(given.reference, fabric.device)
    else:
        step, pixels = our_step(read_recipe(given.recipe, tuple(given.settings)), fabric)
    seconds = timed(step, given.steps, fabric.device)
    print(json.dumps({"seconds": seconds, "pixels": pixels, "mib": peak_mib(fabric.device) - imported}))


if __name__ == "__main__":
    main()
