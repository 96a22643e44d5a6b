"""What the plain Python host costs before its first patch: the size of a fresh environment, and the time to start.

    python benchmarks/host_start.py [--starts 15] [--package .venv-lean/bin/python]

Makes a virtual environment with numpy, nibabel and onnxruntime in a temporary folder (pip needs a registry), adds up
its files without pip and setuptools, and starts export/python/translate.py in it, alternating with `Translator.load` of
the package in another environment. Each start is a new process; time runs from before the first import to the answer to
one patch of the shipped model (its hash and self-test included). Seconds on the wall, and of the processor.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "modality_translate" / "runtime" / "models" / "limb-mr-to-ct.onnx"
NEEDED = ("numpy", "nibabel", "onnxruntime")
LEFT_OUT = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
"""What every environment brings and the host does not use."""
BEFORE = "import time; wall, cpu = time.perf_counter(), time.process_time(); import sys, json, numpy;"
AFTER = "print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))"
HOST = f"""{BEFORE} sys.path.insert(0, sys.argv[2])
import translate
spec, predict = translate.load(sys.argv[1])
predict(numpy.zeros((1, 1, *spec["tiling"]["patch"]), numpy.float32))
{AFTER}"""
PACKAGE = f"""{BEFORE} sys.path.insert(0, sys.argv[2])
from modality_translate import Translator
translator = Translator.load(sys.argv[1], device="cpu")
translator.engine.predict(numpy.zeros((1, 1, *translator.spec.tiling.patch), numpy.float32))
{AFTER}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=15)
    parser.add_argument("--package", type=Path, default=ROOT / ".venv-lean" / "bin" / "python")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        host = _environment(Path(folder))
        print(f"environment: {_megabytes(Path(folder)):.0f} MB ({_versions(host)})")
        sides = {"host": (host, HOST, "export/python"), "package": (given.package, PACKAGE, ".")}
        times: dict[str, list[list[float]]] = {name: [] for name in sides}
        for start in range(given.starts + 1):
            for name, side in sides.items():
                seconds = _start(*side)
                # The first start reads the files from the disk and compiles them.
                if start:
                    times[name].append(seconds)
    for name, measured_all in times.items():
        print(
            name,
            *(
                _summary(kind, values)
                for kind, values in zip(("wall", "cpu"), zip(*measured_all, strict=True), strict=True)
            ),
        )


def _environment(folder: Path) -> Path:
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *NEEDED], check=True, stderr=subprocess.DEVNULL)
    return python


def _megabytes(folder: Path) -> float:
    """Of the files in an environment, less what it comes with."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files if not _left_out(path)) / 1e6


def _left_out(path: Path) -> bool:
    return any(part.split("-")[0] in LEFT_OUT for part in path.parts)


def _versions(python: Path) -> str:
    script = f"from importlib.metadata import version; print(*[n + ' ' + version(n) for n in {NEEDED}], sep=', ')"
    return subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.strip()


def _start(python: Path, script: str, importable: str) -> list[float]:
    command = [str(python), "-c", script, str(MODEL), str(ROOT / importable)]
    found: list[float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _summary(kind: str, seconds: tuple[float, ...]) -> str:
    return f"{kind} median {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


if __name__ == "__main__":
    main()
