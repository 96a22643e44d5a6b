"""A folder of heads through `mtranslate convert`, and through the MONAI + torch pipeline a user would write.

    python benchmarks/against_monai.py -i /tmp/heads --volumes 2 --rounds 2

The same untrained network (see models.py) and overlap, CPU, the whole command from start to exit, so that start-up is
in; the sides take turns. Ours runs on each of the engines, in float32 and in int8 as `mtranslate export` makes it with
these heads, and leaves air out by the level in the model file, MONAI has no such thing. Scaling is a fixed window on
both sides, and the heads already have the network's voxel size, so that nothing but the tiling, or int8, can make the
answers differ; the mean absolute difference is printed in HU, over all voxels and in the body. With `--memory` ours
runs a second time under that limit, which keeps arrays in files.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engines import variant
from heads import head_files
from limbs import markdown
from modality_translate import read_volume
from modality_translate.exporting.calibration import sources_in
from modality_translate.pipeline.spec import PrecisionName
from modality_translate.runtime.engine_choice import ON_CPU
from modality_translate.runtime.model_file import read_model
from models import Made, make_model

HERE = Path(__file__).parent
WIDTHS = {2: 8, 3: 4}
MONAI = "MONAI + torch fp32"
HEADS = [
    "side",
    "wall s",
    "wall, MONAI / side",
    "processor, MONAI / side",
    "memory, of MONAI's",
    "HU apart, in the body",
]


class Cost(NamedTuple):
    """Of one command, from start to exit."""

    wall: float
    """Seconds, which other work on the machine stretches."""
    cpu: float
    """Seconds of all cores together, which it hardly does."""
    memory: float
    """Largest resident memory, in MiB."""

    def __str__(self) -> str:
        return f"{self.wall:.1f} s, {self.cpu:.1f} s of processor time, {self.memory:.0f} MiB"


def cost(command: list[str]) -> Cost:
    """Run `command` to its end."""
    paths = os.pathsep.join([str(HERE.parent), str(HERE)])
    begin, peak = time.perf_counter(), 0.0
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}, stdout=subprocess.DEVNULL)
    while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
        # What wait4 tells of memory starts with that of this process, from which the other one was forked.
        peak = max(peak, high_water(process.pid))
        time.sleep(0.02)
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with {process.returncode}")
    return Cost(time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, peak)


def high_water(pid: int) -> float:
    """Largest resident memory of a running process so far, in MiB; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def by_monai(dims: int, files: list[Path], out: Path, overlap: float) -> list[str]:
    settings = ["--dims", dims, "--width", WIDTHS[dims], "--overlap", overlap, "-o", out]
    return [sys.executable, "-W", "ignore", "-m", "monai_side", *map(str, settings), *map(str, files)]


def by_us(model: Path, engine: str, folder: Path, out: Path, *more: str) -> list[str]:
    settings = ["-m", model, "-i", folder, "-o", out, "-d", "cpu", "--engine", engine, "-q"]
    return [sys.executable, "-m", "modality_translate", "convert", *map(str, settings), *more]


def models_of(made: Made, sources: Path, chosen: list[PrecisionName]) -> dict[PrecisionName, Path]:
    """The model file in each precision, calibrated and proven on the volumes in `sources`."""
    model, folder = read_model(made.file), made.file.parent
    return {p: made.file if p == "fp32" else variant(model, p, sources_in(sources), folder) for p in chosen}


def difference(files: list[Path], one: Path, other: Path) -> tuple[float, float]:
    """Mean absolute difference in HU, over all voxels and where the source is tissue."""
    everywhere, body = [], []
    for file in files:
        apart = np.abs(read_volume(one / file.name).array - read_volume(other / file.name).array)
        everywhere.append(apart.mean())
        body.append(apart[read_volume(file).array > 300].mean())
    return float(np.mean(everywhere)), float(np.mean(body))


def compare(dims: int, files: list[Path], work: Path, options: argparse.Namespace) -> None:
    """Every side once per round, each round beginning with another one."""
    made = make_model(work, dims, WIDTHS[dims], options.overlap)
    commands = {MONAI: by_monai(dims, files, work / MONAI, options.overlap)}
    for precision, model in models_of(made, files[0].parent, options.precisions).items():
        for engine in options.engines:
            name = f"{engine} {precision}"
            commands[name] = by_us(model, engine, files[0].parent, work / name)
            if options.memory:
                limited = f"{name}, --memory {options.memory}"
                commands[limited] = by_us(model, engine, files[0].parent, work / limited, "--memory", options.memory)
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(options.rounds):
        order = list(commands)
        for name in order[number % len(order) :] + order[: number % len(order)]:
            shutil.rmtree(work / name, ignore_errors=True)
            costs[name].append(cost(commands[name]))
            print(f"  {name}: {costs[name][-1]}", flush=True)
    print(f"{made.spec.name}, {len(files)} volumes, {options.rounds} rounds")
    rows = [row(name, costs[MONAI], costs[name], difference(files, work / MONAI, work / name)) for name in commands]
    print(markdown(HEADS, rows), flush=True)


def row(name: str, theirs: list[Cost], ours: list[Cost], apart: tuple[float, float]) -> list[str]:
    seconds, memory = statistics.median(c.wall for c in ours), max(c.memory for c in ours)
    of_theirs = memory / max(c.memory for c in theirs)
    times = [f"{seconds:.0f}", ratios(theirs, ours, "wall"), ratios(theirs, ours, "cpu")]
    return [name, *times, f"{memory:.0f} MiB, {of_theirs:.2f}", f"{apart[0]:.2f}, {apart[1]:.2f}"]


def ratios(theirs: list[Cost], ours: list[Cost], what: str) -> str:
    """Theirs / ours, the median and the spread over the rounds."""
    each = sorted(getattr(t, what) / getattr(o, what) for t, o in zip(theirs, ours, strict=True))
    return f"{statistics.median(each):.2f}x ({each[0]:.2f} to {each[-1]:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-i", "--input", type=Path, required=True, help="Folder of heads, made where missing.")
    parser.add_argument("--volumes", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dims", type=int, nargs="+", choices=(2, 3), default=[2, 3])
    parser.add_argument("--overlap", type=float, default=0.25)
    parser.add_argument("--engines", nargs="+", choices=list(ON_CPU), default=list(ON_CPU))
    parser.add_argument("--precisions", nargs="+", choices=("fp32", "int8"), default=["fp32", "int8"])
    parser.add_argument("--memory", help="Run ours a second time under this limit, such as 0.5GB.")
    options = parser.parse_args()
    made = head_files(options.input, options.volumes)
    work = options.input / "against-monai"
    inputs = work / "in"
    shutil.rmtree(inputs, ignore_errors=True)
    inputs.mkdir(parents=True)
    files = [Path(shutil.copy(file, inputs)) for file in made]
    for dims in options.dims:
        compare(dims, files, work, options)


if __name__ == "__main__":
    main()
