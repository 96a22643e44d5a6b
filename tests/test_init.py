from __future__ import annotations

import subprocess
import sys

import pytest

import modality_translate

DOOR = ["Translator", "Volume", "__version__", "read_volume", "write_volume"]
HEAVY = ["torch", "monai", "kornia", "onnx", "onnxruntime", "numpy", "nibabel", "pydantic"]


def test_the_public_list_is_exact():
    assert modality_translate.__all__ == DOOR


@pytest.mark.parametrize("name", DOOR)
def test_every_public_name_can_be_had(name: str):
    assert getattr(modality_translate, name)
    assert name in dir(modality_translate)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        modality_translate.nothing  # noqa: B018


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, modality_translate; print([m for m in {HEAVY} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
