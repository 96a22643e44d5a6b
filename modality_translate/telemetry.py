"""Libraries that report home are loaded without it: nothing leaves the computer of someone who converts volumes."""

from __future__ import annotations

import sys
from typing import Any

_REPORTER = "openvino_telemetry"


def import_openvino() -> Any:
    """The openvino module, loaded so that it falls back to its own stub of the telemetry package.

    Loading it otherwise writes a client number into the home folder and reports the import to Intel, unasked.
    Raises `ImportError` when openvino is not installed.
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
