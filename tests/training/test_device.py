from __future__ import annotations

import pytest
import torch

from modality_translate.data.machine import Machine
from modality_translate.errors import DeviceError, RecipeError
from modality_translate.training import device
from modality_translate.training.device import open_fabric, slow_precision


def test_the_cpu_is_always_there():
    assert open_fabric("cpu", "32").device.type == "cpu"
    assert open_fabric("cpu", "bf16").device.type == "cpu"


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(DeviceError, match=r"cuda:99: is not there"):
        open_fabric("cuda:99", "32")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_nothing_falls_back_silently_but_auto_chooses():
    with pytest.raises(DeviceError, match="torch sees 0 GPUs"):
        open_fabric("cuda", "32")
    assert open_fabric("auto", "32").device.type == "cpu"


def test_half_precision_needs_a_gpu():
    with pytest.raises(RecipeError, match='"16" needs a GPU'):
        open_fabric("cpu", "16")


@pytest.mark.parametrize(
    ("able", "precision", "told"), [(False, "bf16", True), (True, "bf16", False), (False, "32", False)]
)
def test_emulated_bfloat16_is_told(monkeypatch, able, precision, told):
    monkeypatch.setattr(device, "machine_at_hand", lambda name: Machine("cpu", 1e9, bf16=able))
    assert bool(slow_precision(torch.device("cpu"), precision)) == told
    assert slow_precision(torch.device("cuda"), precision) is None


def test_threads_are_limited():
    before = torch.get_num_threads()
    open_fabric("cpu", "32", threads=1)
    assert torch.get_num_threads() == 1
    torch.set_num_threads(before)
