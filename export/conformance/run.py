"""Prove a host: run it over a conformance kit and compare.

    python export/conformance/run.py --host "python export/python/translate.py {model} {input} {output}" kit

Needs numpy and nibabel. A case passes when the host ends with 0, no voxel differs from the reference by more than
0.05 % of the target's range, and shape, number type and affine are equal to the reference's.
Exit codes: 0 all passed, 1 some failed, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path

import nibabel
import numpy as np

TOLERANCE = 5e-4
"""Of the output's range."""
PATIENCE = 120
"""Seconds a host may take for one volume of a few thousand voxels."""
Host = Callable[[Path, Path, Path], str]
"""(model, input, output to write) to nothing, or to what went wrong."""


@dataclass(frozen=True)
class Result:
    """One case. `difference` is the largest, as a fraction of the output's range."""

    model: str
    volume: str
    difference: float
    problem: str

    @property
    def passed(self) -> bool:
        return not self.problem


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", required=True, help="Command with {model}, {input} and {output}.")
    parser.add_argument("--only", default="*", metavar="PATTERN", help='Cases such as "cube-*" or "*/order-07".')
    parser.add_argument("kit", type=Path, help="Folder that make.py wrote.")
    given = parser.parse_args()
    if not all(f"{{{name}}}" in given.host for name in ("model", "input", "output")):
        parser.error("--host needs {model}, {input} and {output}.")
    if not (given.kit / "kit.json").is_file():
        parser.error(f"{given.kit}: holds no kit.json; write a kit with make.py.")
    results = run_kit(given.kit, command_host(given.host), given.only)
    if not results:
        parser.error(f"no case is like {given.only!r}.")
    print(table(results))
    sys.exit(not all(result.passed for result in results))


def command_host(command: str) -> Host:
    """A host that is started once for every volume."""

    def host(model: Path, source: Path, output: Path) -> str:
        places = {"{model}": str(model), "{input}": str(source), "{output}": str(output)}
        words = [_filled(word, places) for word in shlex.split(command)]
        try:
            done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=PATIENCE)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        return f"ended with {done.returncode}: {done.stderr.strip()[-200:]}" if done.returncode else ""

    return host


def run_kit(kit: Path, host: Host, only: str = "*") -> list[Result]:
    """Every case whose "model/volume" is like `only`, through `host`."""
    cases = json.loads((kit / "kit.json").read_text())["cases"]
    with tempfile.TemporaryDirectory() as folder:
        return [
            _run(kit, case, host, Path(folder))
            for case in cases
            if fnmatch(f"{Path(case['model']).stem}/{Path(case['expected']).stem}", only)
        ]


def _filled(word: str, places: dict[str, str]) -> str:
    for name, path in places.items():
        word = word.replace(name, path)
    return word


def _run(kit: Path, case: dict[str, str], host: Host, folder: Path) -> Result:
    output = folder / "output.nii"
    output.unlink(missing_ok=True)
    problem = host(kit / case["model"], kit / case["input"], output)
    if not problem and not output.is_file():
        problem = "wrote nothing"
    difference = float("nan")
    if not problem:
        difference, problem = _compare(output, kit / case["expected"], case["range"])
    return Result(Path(case["model"]).stem, Path(case["expected"]).stem, difference, problem)


def _compare(output: Path, expected: Path, limits: list[float]) -> tuple[float, str]:
    """The largest difference as a fraction of the range, and what is wrong, if anything."""
    try:
        found, wanted = nibabel.load(output), nibabel.load(expected)
        values = np.asarray(found.dataobj, np.float64)
    except (OSError, ValueError, nibabel.filebasedimages.ImageFileError) as error:
        return float("nan"), f"its output cannot be read: {error}"
    if found.shape != wanted.shape:
        return float("nan"), f"shape {found.shape} where {wanted.shape} was wanted"
    if found.get_data_dtype() != wanted.get_data_dtype():
        return float("nan"), f"{found.get_data_dtype()} where {wanted.get_data_dtype()} was wanted"
    if not np.array_equal(found.affine, wanted.affine):
        return float("nan"), f"the affine is off by {np.abs(found.affine - wanted.affine).max():.3g}"
    difference = float(np.abs(values - np.asarray(wanted.dataobj, np.float64)).max() / (limits[1] - limits[0]))
    # Written so that a difference that is not a number fails too.
    return difference, "" if difference <= TOLERANCE else f"{100 * difference:.3g} % of the range different"


def table(results: Iterable[Result]) -> str:
    """One line per model, and one per failure."""
    lines = [f"{'model':<20} {'cases':>5} {'passed':>6} {'equal':>6} {'largest difference':>19}"]
    failures = []
    for model, group in groupby(results, lambda result: result.model):
        of_model = list(group)
        known = [result.difference for result in of_model if result.difference == result.difference]
        passed, equal = sum(result.passed for result in of_model), sum(difference == 0 for difference in known)
        worst = f"{100 * max(known):.5f} %" if known else "unknown"
        lines.append(f"{model:<20} {len(of_model):>5} {passed:>6} {equal:>6} {worst:>19}")
        failures += [f"FAILED {r.model}/{r.volume}: {r.problem}" for r in of_model if not r.passed]
    return "\n".join(lines + failures)


if __name__ == "__main__":
    main()
