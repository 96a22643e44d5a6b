"""What the trial of a model file costs: loading a new file, a known one, and one that is trusted, alternated.

python benchmarks/first_use.py MODEL.onnx --rounds 9
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from child import HERE

CODE = """
import sys, time
from modality_translate import Translator
begin = time.perf_counter()
Translator.load(sys.argv[1], device="cpu", trusted=sys.argv[2] == "trusted")
print(time.perf_counter() - begin)
"""


def load(model: Path, side: str, cache: Path) -> tuple[float, float]:
    """Seconds of `Translator.load` in a fresh process, and of user and system time with its children."""
    paths = [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "XDG_CACHE_HOME": str(cache)}
    before = os.times()
    words = [sys.executable, "-c", CODE, str(model), side]
    done = subprocess.run(words, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return float(done.stdout), used


def measure(model: Path, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Each side `rounds` times, in turn; the first round only warms the disk."""
    found: dict[str, list[tuple[float, float]]] = {"trusted": [], "known": [], "new": []}
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "known"
        load(model, "known", known)
        for i in range(rounds + 1):
            for side in found:
                cache = Path(folder) / f"new{i}" if side == "new" else known
                timed = load(model, side, cache)
                if i:
                    found[side].append(timed)
    return found


def quartiles(values: list[float]) -> list[float]:
    """First, second and third."""
    return [round(value, 3) for value in statistics.quantiles(values, n=4)]


def main() -> None:
    """Print quartiles as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    found = measure(chosen.model.resolve(), chosen.rounds)
    rows = {side: {"seconds": quartiles([t for t, _ in times]), "cpu_seconds": quartiles([c for _, c in times])}
            for side, times in found.items()}  # fmt: skip
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
