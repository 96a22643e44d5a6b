"""Trainings killed at random moments and resumed: is the end the same to the bit as without the kill?

    python benchmarks/kills.py --kills 20 -o /tmp/kills

Each is a real `mtranslate train`, of every objective in turn, with dropout and two micro-batches per step. SIGKILL
comes after a random step plus up to 50 ms, so that it falls into steps and into the writing of states alike.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import time
from pathlib import Path

from tiny_runs import command, differing, make_phantom, run, tensors, wait_for_step, write_recipe

KINDS = ("pix2pix", "hybrid", "cyclegan", "reggan", "cut")
STEPS, CHECKPOINT_EVERY = 24, 3
LATEST_S = 0.05


def killed_after(recipe: Path, folder: Path, step: int, pause: float) -> bool:
    """Train until `pause` seconds after `step`, then SIGKILL; False if the training ended before."""
    start = command("train", recipe, "-o", folder, "-d", "cpu", "-q")
    process = subprocess.Popen(start, stdout=subprocess.DEVNULL)
    wait_for_step(folder, process, step)
    time.sleep(pause)
    process.kill()
    return process.wait() < 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    make_phantom(options.output)
    draw = random.Random(options.seed)
    whole, same = {}, 0
    for number in range(options.kills):
        kind = options.kinds[number % len(options.kinds)]
        recipe = write_recipe(options.output, kind, STEPS, 2, 0.1, CHECKPOINT_EVERY)
        if kind not in whole:
            run("train", recipe, "-o", options.output / kind, "-d", "cpu", "-q")
            whole[kind] = tensors(options.output / kind)
        folder = options.output / f"{kind}-{number}"
        step, pause = draw.randint(1, STEPS - 2), draw.uniform(0, LATEST_S)
        killed = killed_after(recipe, folder, step, pause)
        run("train", "-o", folder, "--resume", "-d", "cpu", "-q")
        other = differing(whole[kind], tensors(folder))
        same += killed and not other
        verdict = f"{len(other)} differ: {other[0]}" if other else f"{len(whole[kind])} values identical"
        print(
            f"{kind}: killed {pause * 1000:.0f} ms after step {step}: {verdict if killed else 'too late'}", flush=True
        )
    print(f"{same} of {options.kills} bit-identical")


if __name__ == "__main__":
    main()
