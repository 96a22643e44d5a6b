"""How many cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

_SHARED = Path("/sys/devices/system/cpu/smt/active")
"""Linux says here whether two of what it counts are one core."""


def usable_cores() -> int:
    """As the system counts them: those it is bound to, where that is told."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def whole_cores() -> int:
    """Without the second thread of each, as engines count them by themselves; all, where the system does not tell."""
    try:
        shared = _SHARED.read_text("ascii").strip() == "1"
    except OSError:
        shared = False
    return max(1, usable_cores() // 2) if shared else usable_cores()
