from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modality_translate.runtime.devices import TINY_MODEL

RUN = {
    "onnxruntime": "engine.InferenceSession(model, providers=['CPUExecutionProvider'])",
    "openvino": "engine.Core().compile_model(engine.Core().read_model(model), 'CPU')",
}


@pytest.mark.parametrize("engine", sorted(RUN))
def test_an_engine_keeps_nothing_to_report_and_loads_no_reporter(engine: str, tmp_path: Path):
    code = f"""
import sys
from modality_translate.telemetry import import_{engine}
engine, model = import_{engine}(), {TINY_MODEL!r}
session = {RUN[engine]}
print(import_{engine}() is engine, [name for name in sys.modules if "openvino_telemetry" in name])"""
    places = {key: str(tmp_path) for key in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TMPDIR")}
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"} | places
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["True", "[]"]
    assert list(tmp_path.rglob("*")) == []
