from __future__ import annotations

import platform
import subprocess
import sys

import pytest

HELD_APART = """
import numpy as np
from modality_translate.runtime.allocator import return_large_blocks

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))

if {given_back}:
    return_large_blocks()
np.ones(30 * 2**17)  # 30 MiB come and go, which raises glibc's own limit
blocks = [np.ones(2 * 2**17) for _ in range(60)]
full = resident()
del blocks[::2]
print(full - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_memory_between_blocks_in_use_goes_back_to_the_system():
    back = {}
    for given_back in (True, False):
        script = HELD_APART.format(given_back=given_back)
        back[given_back] = float(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout)
    assert back[True] > 55.0
    assert back[False] < 5.0
