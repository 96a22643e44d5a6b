"""What a training step costs: time and memory of our objectives with their networks against the reference ones.

    python benchmarks/step_cost.py --rounds 3 --steps 8

Every contender steps in a fresh process, and they take turns, so that a busy machine is busy for all of them. Images
are random, every term of an objective is switched on. Then our real training loop is watched waiting for its batches.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from child import run_module
from contenders import OURS, REFERENCE, changes
from limbs import RECIPES, markdown

ONE_IMAGE = ("geometry.patch=[256,256]", "training.batch=1")
"""The reference's image, so that a step is the same work."""
RIVALS = {"hybrid": "pix2pix", "pix2pix": "pix2pix", "cyclegan": "cyclegan", "cut": "cyclegan"}
"""The reference that needs the same kind of data. How pairs were registered is no matter of a step."""


@dataclass(frozen=True)
class Contender:
    """What step_cost_one.py is asked for, and the reference it is compared with."""

    arguments: tuple[str, ...]
    rival: str


@dataclass(frozen=True)
class Cost:
    """Of all rounds."""

    seconds: list[float]
    pixels: int
    mib: float

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """Of a step, in seconds."""
        low, middle, high = np.percentile(self.seconds, [25, 50, 75])
        return float(low), float(middle), float(high)

    @property
    def per_pixel(self) -> float:
        """Median, in microseconds."""
        return self.quartiles[1] / self.pixels * 1e6


def contenders(device: str) -> dict[str, Contender]:
    """By label; the references first."""
    references = {label: Contender(("--reference", kind), kind) for label, kind in REFERENCE.items()}
    ours = {
        f"{name}, {size}": Contender((str(RECIPES / OURS[name][0]), *_set(*changes(name, device), *settings)), rival)
        for size, settings in (("one 256 x 256 image", ONE_IMAGE), ("as in its recipe", ()))
        for name, rival in RIVALS.items()
    }
    return references | ours


def measure(known: dict[str, Contender], rounds: int, flags: list[str]) -> dict[str, Cost]:
    """Each contender once per round."""
    found: dict[str, list[dict[str, Any]]] = {label: [] for label in known}
    for _ in range(rounds):
        for label, contender in known.items():
            found[label].append(json.loads(run_module("step_cost_one", *contender.arguments, *flags)))
            print(f"{label}: {np.median(found[label][-1]['seconds']):.3f} s", file=sys.stderr, flush=True)
    return {label: _cost(parts) for label, parts in found.items()}


def cost_table(known: dict[str, Contender], costs: dict[str, Cost]) -> str:
    heads = ["contender", "step s (quartiles)", "pixels", "us per pixel", "of reference", "peak MiB", "of reference"]
    bases = {known[label].rival: costs[label] for label in REFERENCE}
    return markdown(heads, [_line(label, costs[label], bases[known[label].rival]) for label in known])


def waiting_table(minutes: float, device: str, flags: list[str]) -> str:
    """Share of the loop's time without a batch, the first batch apart."""
    lines = []
    for name in RIVALS:
        length, recipe = ("--minutes", str(minutes)), str(RECIPES / OURS[name][0])
        found = json.loads(run_module("waiting", recipe, *_set(*changes(name, device)), *length, *flags))
        share = found["waited"] / max(found["waited"] + found["worked"], 1e-9)
        lines.append([name, f"{share:.2%}", str(found["steps"]), f"{found['first']:.2f}"])
    return markdown(["loop", "time waiting for data", "steps", "first batch s"], lines)


def _set(*settings: str) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def _cost(parts: list[dict[str, Any]]) -> Cost:
    seconds = [second for part in parts for second in part["seconds"]]
    return Cost(seconds, parts[0]["pixels"], max(part["mib"] for part in parts))


def _line(label: str, cost: Cost, base: Cost) -> list[str]:
    low, middle, high = cost.quartiles
    time = [f"{middle:.3f} ({low:.3f} to {high:.3f})", str(cost.pixels), f"{cost.per_pixel:.2f}"]
    ratios = f"{cost.per_pixel / base.per_pixel:.2f}", f"{cost.mib / base.mib:.2f}"
    return [label, *time, ratios[0], f"{cost.mib:.0f}", ratios[1]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8, help="timed steps per contender and round")
    parser.add_argument("--minutes", type=float, default=0.5, help="of each watched loop; 0 leaves them out")
    parser.add_argument("--threads", type=int, help="CPU threads; torch's choice when left out")
    parser.add_argument("-d", "--device", default="cpu", help="cpu, cuda or cuda:N")
    given = parser.parse_args()
    flags = ["--device", given.device, *(["--threads", str(given.threads)] if given.threads else [])]
    known = contenders(given.device)
    costs = measure(known, given.rounds, [*flags, "--steps", str(given.steps)])
    print(cost_table(known, costs))
    if given.minutes:
        print(f"\n{waiting_table(given.minutes, given.device, flags)}")


if __name__ == "__main__":
    main()
