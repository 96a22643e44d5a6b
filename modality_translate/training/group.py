"""Several processes that train together: who started them, and what they must agree on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)

from modality_translate.errors import LostProcessError, RecipeError
from modality_translate.networks.together import averaged, processes
from modality_translate.recipe import Training

WORKERS, LOST = "MTRANSLATE_WORKERS", 75
"""What `mtranslate train --devices` sets for its processes, and the exit code of one that another was lost to."""
CONNECTION = ("gloo", "monitoredBarrier", "Connection", "NCCL", "ProcessGroup")
"""Words of the plain RuntimeErrors by which torch says that another process does not answer."""


@dataclass(frozen=True)
class Group:
    """`devices` processes on each of `nodes` machines."""

    devices: int
    nodes: int
    environment: ClusterEnvironment


def group_from_environment(devices: int | None) -> Group | None:
    """The group this process was started in by torchrun, by srun or by `mtranslate train --devices`; None if alone.

    Raises `RecipeError` if the number of `devices` asked for is not that of the processes started.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        local, every = (int(os.environ[name]) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))
        group = Group(local, every // local, TorchElasticEnvironment())
    elif int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        nodes = int(os.environ.get("SLURM_NNODES", "1"))
        group = Group(int(os.environ["SLURM_STEP_NUM_TASKS"]) // nodes, nodes, SLURMEnvironment())
    elif WORKERS in os.environ:
        group = Group(int(os.environ[WORKERS]), 1, LightningEnvironment())
    else:
        return None
    if devices not in (None, group.devices):
        reason = f"{devices} were asked for, but {group.devices} processes were started on this machine."
        raise RecipeError("--devices", reason, "Leave it out, or start as many.")
    return group


def check_batch(training: Training, count: int) -> None:
    """Raise `RecipeError` for a batch that `count` processes cannot share equally."""
    pieces = training.accumulate * count
    if training.batch % pieces:
        reason = f"{training.batch} patches cannot be shared by {count} processes in {training.accumulate} parts."
        near = max(pieces, training.batch // pieces * pieces)
        raise RecipeError("training.batch", reason, f"Give a multiple of {pieces}, such as --set training.batch={near}")


def anyone(flag: bool, fabric: Fabric) -> bool:
    """Whether `flag` is set in any process."""
    return bool(flag) if processes() == 1 else bool(averaged(_number(float(flag), fabric)) > 0)


def leaders(value: float, fabric: Fabric) -> float:
    """The value of process 0."""
    if processes() == 1:
        return value
    return float(averaged(_number(value if fabric.is_global_zero else 0.0, fabric))) * processes()


@contextmanager
def losses_named() -> Iterator[None]:
    """Raise `LostProcessError` where the body fails because another process is gone.

    A process that `mtranslate train --devices` started exits silently instead: its parent knows more.
    """
    try:
        yield
    except RuntimeError as error:
        if processes() == 1 or not any(word in str(error) for word in CONNECTION):
            raise
        if WORKERS in os.environ:
            raise SystemExit(LOST) from error
        reason = f"another process of this training is gone ({str(error).splitlines()[0][:80]})."
        remedy = "The last saved state is whole; see why it ended, then go on with --resume."
        raise LostProcessError("training", reason, remedy) from error


def _number(value: float, fabric: Fabric) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64, device=fabric.device)
