"""What a training may use: the device, its free memory, and whether it computes in bfloat16."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from modality_translate.errors import DeviceError

GIB = 2.0**30
BF16_FLAGS = {"avx512_bf16", "amx_bf16"}
"""Of the processor: without one of them bfloat16 is emulated and slower than float32."""
USUAL_SPEED = 130e9
PRODUCT, PRODUCTS = 768, 8
"""Side of the matrices that are multiplied to measure a processor's speed, and how often."""


@dataclass(frozen=True)
class Machine:
    """The device that trains, its free memory in bytes, and whether it has instructions for bfloat16."""

    device: Literal["cpu", "cuda"]
    memory: float
    bf16: bool
    speed: float = field(default=USUAL_SPEED, compare=False)
    """Of a processor: float32 operations per second in a matrix product on all cores; not measured of a GPU."""

    @property
    def gpu(self) -> bool:
        return self.device == "cuda"

    def __str__(self) -> str:
        name = "GPU" if self.gpu else "CPU"
        return f"{name}, {self.memory / GIB:.0f} GiB free, {'with' if self.bf16 else 'without'} bfloat16"


def machine_at_hand(device: str) -> Machine:
    """The machine for "cpu", "cuda", "cuda:N" or "auto" (a GPU where torch sees one).

    Raises `DeviceError` for a GPU that is not there.
    """
    if device == "cpu":
        return Machine("cpu", free_memory(), bool(BF16_FLAGS & _flags()), processor_speed())
    import torch

    index, seen = int(device.partition(":")[2] or 0), torch.cuda.device_count() if torch.cuda.is_available() else 0
    if index < seen:
        free, _ = torch.cuda.mem_get_info(index)
        return Machine("cuda", float(free), torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "auto":
        return machine_at_hand("cpu")
    raise DeviceError(device, f"is not there; torch sees {seen} GPUs.", "Choose -d cpu or auto.")


def processor_speed() -> float:
    """Float32 operations per second of the best of a few matrix products, on all cores as busy as they are now."""
    factor = np.ones((PRODUCT, PRODUCT), np.float32)
    seconds = []
    for _ in range(PRODUCTS):
        begin = time.perf_counter()
        factor @ factor
        seconds.append(time.perf_counter() - begin)
    return 2.0 * PRODUCT**3 / max(min(seconds), 1e-9)


def free_memory() -> float:
    """Bytes that can be taken without swapping; half of the installed memory where the system does not say."""
    told = _told(Path("/proc/meminfo"), "MemAvailable")
    if told:
        return float(told[0]) * 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2
    return 4 * GIB


def _flags() -> set[str]:
    return set(_told(Path("/proc/cpuinfo"), "flags"))


def _told(file: Path, key: str) -> list[str]:
    """The words behind the first "key:" of a file of the kernel; none without such a line."""
    if not file.is_file():
        return []
    lines = (line.partition(":") for line in file.read_text("utf-8", errors="replace").splitlines())
    return next((text.split() for name, _, text in lines if name.strip() == key), [])
