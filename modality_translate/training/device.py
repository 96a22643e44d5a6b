"""The devices and number format of a training, as a lightning Fabric."""

from __future__ import annotations

import logging
from datetime import timedelta

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import nn

from modality_translate.data.machine import machine_at_hand
from modality_translate.errors import DeviceError, RecipeError
from modality_translate.training.group import Group

PATIENCE = timedelta(days=1)
"""With the process that prepares, registers or validates: torch's half hour would end at 90 pairs. A process that dies
is noticed at once all the same."""
PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


class Replicas(DDPStrategy):
    """Processes with equal networks, which are left as they are.

    The players average their gradients themselves, once per step. DDP's wrapper would do so in every backward pass,
    and expects each network to be used once per step, which a generator and its critics are not.
    """

    def setup_module(self, module: nn.Module) -> nn.Module:
        return module


def open_fabric(device: str, precision: str, threads: int | None = None, group: Group | None = None) -> Fabric:
    """A Fabric on "cpu", "cuda", "cuda:N", or "auto" (a GPU where there is one), connected to the others of `group`.

    `precision` is "32", "bf16" or "16"; `threads` limits torch's CPU threads. Raises `DeviceError` for a GPU that is
    not there: nothing falls back silently.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    name, _, number = device.partition(":")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        if precision == "16":
            raise RecipeError("training.precision", '"16" needs a GPU.', 'Choose "32" or "bf16".')
        return _fabric("cpu", 1, precision, group)
    index = int(number or 0) if group is None else group.devices - 1
    if group is not None and number:
        raise RecipeError("--device", f"{device} is one GPU, for {group.devices} processes.", "Give -d cuda.")
    if name != "cuda" or index >= torch.cuda.device_count():
        raise DeviceError(
            device, f"is not there; torch sees {torch.cuda.device_count()} GPUs.", "Choose -d cpu or auto."
        )
    # Every patch has the same shape, so the fastest convolution is worth searching for once.
    torch.backends.cudnn.benchmark = True
    return _fabric("cuda", [index], precision, group)


def slow_precision(device: torch.device, precision: str) -> str | None:
    """What to tell the user where `precision` is emulated on `device`, which takes many times as long."""
    if device.type != "cpu" or precision != "bf16" or machine_at_hand("cpu").bf16:
        return None
    return (
        "This processor has no instructions for bfloat16 and emulates them, many times slower than float32: "
        "start anew with --set training.precision=32"
    )


def _fabric(accelerator: str, one: int | list[int], precision: str, group: Group | None) -> Fabric:
    """`one` is the device of a process alone."""
    if group is None:
        return Fabric(accelerator=accelerator, devices=one, precision=PRECISIONS[precision])
    # fabric announces every process on stderr, even when -q asks for silence.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(
        accelerator=accelerator,
        devices=group.devices,
        num_nodes=group.nodes,
        strategy=Replicas(cluster_environment=group.environment, timeout=PATIENCE),
        precision=PRECISIONS[precision],
    )
    fabric.launch()
    return fabric
