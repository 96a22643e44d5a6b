"""export/web/translate.py, with which the browser host is proven by a conformance kit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from modality_translate.runtime.translator import Translator
from modality_translate.volumes import read_volume

from .conftest import CHROMIUM, tiny_model
from .test_host import SPECS, WORST, volumes

SCRIPT = Path(__file__).parents[2] / "export" / "web" / "translate.py"


def test_one_volume_goes_through_a_browser_of_its_own(tmp_path: Path):
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip extra dev)")
    if CHROMIUM is None:
        pytest.skip("no chromium here: `make chromium` installs it (apt-get, as root)")
    spec = SPECS["cubes of PET to CT"]
    model, source, output = tmp_path / "model.onnx", tmp_path / "pet.nii", tmp_path / "ct.nii"
    model.write_bytes(tiny_model(spec))
    volumes(spec.source)["qform"].to_filename(source)
    command = [sys.executable, str(SCRIPT), str(model), str(source), str(output)]
    subprocess.run(command, check=True, capture_output=True)
    wanted = Translator.load(model, device="cpu").translate(source, force=True)
    found = read_volume(output)
    assert np.abs(found.array - wanted.array).max() <= WORST * 4095
    np.testing.assert_allclose(found.grid.affine, read_volume(source).grid.affine, atol=1e-6)
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0
