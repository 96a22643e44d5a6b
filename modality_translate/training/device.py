"""The device and number format of a training, as a lightning Fabric."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric

from modality_translate.errors import DeviceError, RecipeError

PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


def open_fabric(device: str, precision: str, threads: int | None = None) -> Fabric:
    """A Fabric on "cpu", "cuda", "cuda:N", or "auto" (a GPU where there is one).

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
        return Fabric(accelerator="cpu", devices=1, precision=PRECISIONS[precision])
    index = int(number or 0)
    if name != "cuda" or index >= torch.cuda.device_count():
        raise DeviceError(
            device, f"is not there; torch sees {torch.cuda.device_count()} GPUs.", "Choose -d cpu or auto."
        )
    # Every patch has the same shape, so the fastest convolution is worth searching for once.
    torch.backends.cudnn.benchmark = True
    return Fabric(accelerator="cuda", devices=[index], precision=PRECISIONS[precision])
