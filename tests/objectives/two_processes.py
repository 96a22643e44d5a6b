"""Run by test_together.py: every objective, trained alone and by two processes that share each batch.

Forks before torch has computed anything, so that torch is imported once. Writes FOLDER/{alone,0,1}-KIND.safetensors.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from safetensors.torch import save_file
from torch import distributed as dist

from modality_translate.objectives import OBJECTIVES, Batch, build_objective
from modality_translate.recipe import recipe_from

STEPS, SIZE = 3, 4
TABLES: dict[str, Any] = {
    "name": "tiny",
    "data": {"phantom": {}},
    "source": {"modality": "MR"},
    "target": {"modality": "CT"},
    "geometry": {"patch": [16, 16]},
    "generator": {"width": 4, "levels": 2, "blocks": 1},
    # A bias before an instance norm has no gradient but rounding, which Adam would make steps of.
    "discriminator": {"width": 4, "layers": 1, "norm": "batch"},
    "optimiser": {"lr": 2e-3, "clip": 1.0},
}
OBJECTIVE = {"r1": 1.0, "adversarial_from": 0.0, "adversarial_ramp": 0.0}


def batch(step: int) -> Batch:
    draw = torch.Generator().manual_seed(step)
    source, target = (torch.rand(SIZE, 1, 16, 16, 1, generator=draw) * 2 - 1 for _ in range(2))
    return Batch(source, target, (source > -0.8).float())


def trained(kind: str, mine: slice) -> dict[str, torch.Tensor]:
    """All tensors of the objective after a few steps on these samples of each batch."""
    # In 32 bit, CUT's first batches enlarge a rounding a thousandfold, which would hide an error.
    torch.set_default_dtype(torch.float64 if kind == "cut" else torch.float32)
    torch.manual_seed(0)
    extra = OBJECTIVE if kind not in ("cyclegan", "cut") else {"r1": 1.0} | ({"pool": 3} if kind == "cyclegan" else {})
    objective = build_objective(
        recipe_from(TABLES | {"objective": {"kind": kind, **extra}}, "test"), Fabric(accelerator="cpu", devices=1)
    )
    for step in range(STEPS):
        whole = batch(step)
        objective.step(Batch(*(side[mine] for side in whole if side is not None)), 0.5)
    found: dict[str, torch.Tensor] = {}
    collect(objective.state_dict(), kind, found)
    return found


def collect(state: Any, name: str, found: dict[str, torch.Tensor]) -> None:
    if isinstance(state, dict):
        for key, value in state.items():
            collect(value, f"{name}/{key}", found)
    elif isinstance(state, torch.Tensor):
        found[name] = state


def child(folder: Path, rank: int | None) -> None:
    torch.set_num_threads(1)
    if rank is not None:
        dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    mine = slice(None) if rank is None else slice(rank * SIZE // 2, (rank + 1) * SIZE // 2)
    for kind in OBJECTIVES:
        save_file(trained(kind, mine), folder / f"{'alone' if rank is None else rank}-{kind}.safetensors")


def main() -> None:
    children = []
    for rank in (None, 0, 1):
        if not (process := os.fork()):
            child(Path(sys.argv[1]), rank)
            sys.stderr.flush()
            os._exit(0)
        children.append(process)
    codes = [os.waitpid(process, 0)[1] for process in children]
    sys.exit(1 if any(codes) else 0)


if __name__ == "__main__":
    main()
