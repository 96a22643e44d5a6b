from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_openvino_is_loaded_without_its_reporter(tmp_path: Path):
    code = """
import sys
from modality_translate.telemetry import import_openvino
openvino = import_openvino()
import_openvino()
print(openvino.__name__, "openvino_telemetry" in sys.modules)"""
    home = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=home)
    assert done.stdout.split() == ["openvino", "False"]
    assert list(tmp_path.iterdir()) == []
