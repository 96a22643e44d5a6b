"""Engines that report home are loaded without it: nothing leaves the computer of someone who converts volumes.

Every import of onnxruntime and openvino goes through here; a test reads the imports.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

_REPORTER = "openvino_telemetry"


def import_onnxruntime(part: str = "") -> Any:
    """The onnxruntime module, or its submodule `part`, loaded with its telemetry off unless the environment says on.

    Otherwise its official builds keep a device number and events of use in the cache folder, and send them to
    Microsoft; its own function to turn that off comes too late for the first event. Raises `ImportError` when it is not
    installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return importlib.import_module(f"onnxruntime.{part}" if part else "onnxruntime")


def import_openvino() -> Any:
    """The openvino module, loaded so that it falls back to its own stub of the telemetry package.

    Otherwise it writes a client number into the home folder and reports the import to Intel. Raises `ImportError` when
    it is not installed.
    """
    hidden = _REPORTER not in sys.modules
    if hidden:
        sys.modules[_REPORTER] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        if hidden:
            del sys.modules[_REPORTER]
    return openvino
