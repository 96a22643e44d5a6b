from __future__ import annotations

from pathlib import Path

import pytest

from modality_translate.data import machine
from modality_translate.data.machine import GIB, Machine, machine_at_hand
from modality_translate.errors import DeviceError


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in place of those in which the kernel tells of memory and processor."""
    file = tmp_path / "info"
    monkeypatch.setattr(machine, "Path", lambda _: file)
    return file


@pytest.mark.parametrize(("flags", "bf16"), [("fpu avx512f avx512_bf16", True), ("fpu avx2", False)])
def test_a_cpu_tells_its_memory_and_whether_it_has_bfloat16(kernel: Path, flags: str, bf16: bool):
    kernel.write_text(f"MemTotal:  9 kB\nMemAvailable:   2097152 kB\nflags\t\t: {flags}\n")
    assert machine_at_hand("cpu") == Machine("cpu", 2 * GIB, bf16)


def test_a_system_that_tells_nothing_still_has_some_memory(kernel: Path):
    found = machine_at_hand("cpu")
    assert found.memory > 0
    assert not found.bf16


def test_the_speed_of_the_processor_is_measured():
    assert 1e8 < machine_at_hand("cpu").speed < 1e14


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(DeviceError, match=r"cuda:99: is not there; torch sees \d+ GPUs. Choose -d cpu or auto"):
        machine_at_hand("cuda:99")


def test_a_machine_is_told_in_one_line():
    assert str(Machine("cpu", 22.4 * GIB, bf16=True)) == "CPU, 22 GiB free, with bfloat16"
