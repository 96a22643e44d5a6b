from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImaged

from modality_translate.errors import EnvelopeError
from modality_translate.runtime.translator import Translator
from modality_translate.volumes import Volume, write_volume

FILE = Path(__file__).parents[2] / "export" / "monai_transform.py"


@pytest.fixture
def translator(model: Path) -> Translator:
    return Translator.load(model, device="cpu")


def translated(translator: Translator, **options: Any) -> Any:
    found = importlib.util.spec_from_file_location("monai_transform", FILE)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module.Translated(["image"], translator, **options)


def test_a_loaded_image_becomes_what_convert_makes_of_its_file(translator: Translator, head: Volume, tmp_path: Path):
    write_volume(tmp_path / "head.nii.gz", head)
    chain = Compose([LoadImaged(["image"], ensure_channel_first=True), translated(translator)])
    image = chain({"image": tmp_path / "head.nii.gz", "name": "kept"})
    expected = translator.translate(tmp_path / "head.nii.gz")
    np.testing.assert_array_equal(image["image"].numpy()[0], expected.array)
    np.testing.assert_allclose(image["image"].affine.numpy(), expected.affine, atol=1e-4)
    assert image["name"] == "kept"


def test_a_foreign_image_is_refused_unless_forced(translator: Translator):
    empty = MetaTensor(torch.full((1, 9, 9, 9), 7.0), affine=torch.eye(4))
    with pytest.raises(EnvelopeError, match="every voxel has the same value"):
        translated(translator)({"image": empty})
    assert translated(translator, force=True)({"image": empty})["image"].shape == empty.shape
