"""The trial of a model file in a process of its own, under a limit of time and memory.

What the bytes of a graph do not tell is what it costs: a few operators can ask for terabytes or for years. So a file
that this machine has not met is loaded and run by a child first, on its self-test and on as many patches as are handed
over at once. Because sizes may not be computed (scan.py), what the trial costs is what every volume costs.

The child: `python -P -m modality_translate.runtime.trial BYTES SECONDS`, the model on stdin; it says why on stdout.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from modality_translate.errors import DeviceError, MissingExtraError, ModelError
from modality_translate.runtime.draft import Draft
from modality_translate.runtime.model_file import ModelFile, parse_model

REFUSED, NO_ENGINE = 4, 5
"""Exit codes of the child."""
THREADS = 4
_PATCHES, _PATCH_VOXELS = 4, 2**20
"""As many patches at once as the CPU engine takes, up to that many voxels."""
_PACKAGE = Path(__file__).parents[2]
_REMEDY = "Do not use files of strangers; if you trust this one, give trusted=True (--trust-model)."


@dataclass(frozen=True)
class Limits:
    """What a trial may take. Memory is address space, which only Linux limits."""

    base_bytes: int = 2 * 2**30
    """For the engine itself and for small networks."""
    bytes_per_voxel: int = 16 * 2**10
    """Of the patches handed over at once: 4096 values for each."""
    copies: int = 6
    """Of the file's bytes: the text, the graph, and the weights as the engine arranges them."""
    cpu_seconds: int = 120
    seconds: float = 300

    def memory(self, model: ModelFile) -> int:
        """Bytes that the child may hold for `model`."""
        patch = math.prod(model.spec.tiling.patch)
        voxels = max(patch, min(_PATCHES * patch, _PATCH_VOXELS))
        return min(self.base_bytes + voxels * self.bytes_per_voxel + self.copies * len(model.data), _whole_memory())


LIMITS = Limits()


def try_model(model: ModelFile, limits: Limits = LIMITS) -> None:
    """Load `model` and run its self-test elsewhere. Raises `ModelError` when it fails or takes more than `limits`.

    Raises `MissingExtraError` where no engine is installed.
    """
    if not sys.executable or getattr(sys, "frozen", False):
        raise ModelError(model.name, "cannot be tried: this program has no Python interpreter of its own.", _REMEDY)
    memory = limits.memory(model)
    paths = [str(_PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    words = [sys.executable, "-P", "-m", __name__, str(memory), str(limits.cpu_seconds)]
    try:
        done = subprocess.run(
            words, input=model.data, capture_output=True, timeout=limits.seconds, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise ModelError(model.name, f"was not ready after {limits.seconds:g} s of its trial.", _REMEDY) from None
    reason = done.stdout.decode(errors="replace").strip().rpartition("\n")[2][:500]
    if done.returncode == NO_ENGINE:
        raise MissingExtraError("onnxruntime", reason)
    if done.returncode == REFUSED and reason:
        raise ModelError(model.name, reason)
    if done.returncode:
        limit = f"{memory / 2**30:.3g} GiB of memory or {limits.cpu_seconds} s of computing"
        raise ModelError(model.name, f"broke off its trial: it asks for more than {limit}, or breaks the engine.",
                         _REMEDY)  # fmt: skip


def _whole_memory() -> int:
    """Bytes of this machine's memory; a very large number where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**62


def _limit_this_process(memory: int, cpu_seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: time alone is limited
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _run_trial() -> None:
    import numpy as np

    from modality_translate.pipeline.self_test import check_self_test, self_test_patch
    from modality_translate.pipeline.translate import predict_checked
    from modality_translate.runtime import onnxruntime_engine
    from modality_translate.runtime.engine_choice import open_engine

    model = parse_model(Draft(Path("model"), sys.stdin.buffer.read()))
    name: Literal["onnxruntime", "openvino"] = "onnxruntime" if onnxruntime_engine.installed() else "openvino"
    engine = open_engine(model, "cpu", min(THREADS, os.cpu_count() or 1), name)
    check_self_test(model.spec, engine.predict)
    if engine.batch > 1:
        predict_checked(np.repeat(self_test_patch(model.spec), engine.batch, axis=0), model.spec, engine.predict)
    if engine.note:
        raise MemoryError(engine.note)


def main() -> int:
    """The child: exit code 0 when the model passes, with the reason on stdout otherwise."""
    _limit_this_process(int(sys.argv[1]), int(sys.argv[2]))
    try:
        _run_trial()
    except MissingExtraError as error:
        print(f"{error.reason} {error.remedy}")
        return NO_ENGINE
    except ModelError as error:
        print(f"{error.reason} {error.remedy}")
        return REFUSED
    except (DeviceError, MemoryError):
        print(f"asks for more memory than a translator of its size may take. {_REMEDY}")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
