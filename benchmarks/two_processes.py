"""One process and two (gloo, CPU) on the same batches: how far are the weights apart? And when one of two is killed?

    python benchmarks/two_processes.py -o /tmp/two_processes

Real `mtranslate train` runs of 24 steps on phantom heads, without dropout, whose draws differ between processes.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from modality_translate.training.checkpoint import load_state
from tiny_runs import command, differing, make_phantom, run, tensors, wait_for_step, write_recipe

KINDS = ("pix2pix", "cyclegan")
STEPS, CHECKPOINT_EVERY = 24, 3
RUNS = {"one": ("--threads", 1), "two": ("--devices", 2, "--threads", 1), "threads": ("--threads", 2)}
WHAT = {
    "two": "one process and two",
    "threads": "one thread and two (rounding alone)",
    "start": "the first step and the last (what is learnt)",
}


def compare(folder: Path, kind: str) -> None:
    """Print how far the generator of two processes is at the end from that of one, and what a rounding does alone."""
    recipe = write_recipe(folder, kind, STEPS, 1, 0.0, CHECKPOINT_EVERY)
    for name, how in RUNS.items():
        run("train", recipe, "-o", folder / f"{kind}-{name}", "-d", "cpu", "-q", *how)
    start = write_recipe(folder, kind, 1, 1, 0.0, 1)
    run("train", start, "-o", folder / f"{kind}-start", "-d", "cpu", "-q")
    print(f"{kind}: {STEPS} steps of batch 4; weights differ by at most (on average):")
    for name, what in WHAT.items():
        largest, mean = apart(folder, f"{kind}-one", f"{kind}-{name}")
        print(f"  {what:42} {largest:.1e} ({mean:.1e})", flush=True)


def apart(folder: Path, first: str, second: str) -> tuple[float, float]:
    """Largest and mean difference of the generators' last weights."""
    one, two = (load_file(folder / name / "raw.safetensors") for name in (first, second))
    names = [name for name in one if one[name].is_floating_point() and "running" not in name]
    differences = torch.cat([(one[name] - two[name]).abs().flatten() for name in names])
    return float(differences.max()), float(differences.mean())


def kill_one(folder: Path) -> None:
    """Kill the second of two processes in the middle of a training; print when and how it ended, and resume it."""
    recipe = write_recipe(folder, "pix2pix", STEPS, 1, 0.0, CHECKPOINT_EVERY)
    place = folder / "killed"
    start = command("train", recipe, "-o", place, "-d", "cpu", "--devices", 2, "-q")
    parent = subprocess.Popen(start, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    wait_for_step(place, parent, STEPS // 2)
    workers = children(parent.pid)
    os.kill(next(pid for pid in workers if rank_of(pid) == "1"), signal.SIGKILL)
    begin = time.monotonic()
    _, told = parent.communicate()
    seconds = time.monotonic() - begin
    left = [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    state, notes = load_state(place / "state")
    print(
        f"a killed worker ended the run after {seconds:.1f} s with exit code {parent.returncode}; workers left: {left}"
    )
    print(f"  {told.strip()}")
    run("train", "-o", place, "--resume", "-d", "cpu", "--devices", 2, "-q")
    other = differing(tensors(folder / "pix2pix-two"), tensors(place))
    verdict = f"{len(other)} values differ: {other[0]}" if other else "the end is identical to the bit"
    print(f"its newest state, of step {state['step']}, loads (damaged ones: {len(notes)}); resumed, {verdict}")


def children(parent: int) -> list[int]:
    place = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in place.read_text().split()] if place.is_file() else []


def rank_of(process: int) -> str:
    variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    return next((value[11:].decode() for value in variables if value.startswith(b"LOCAL_RANK=")), "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    make_phantom(options.output)
    for kind in KINDS:
        compare(options.output, kind)
    kill_one(options.output)


if __name__ == "__main__":
    main()
