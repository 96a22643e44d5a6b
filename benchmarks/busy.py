"""For which share of the time does the engine compute, while a folder is converted?

    python benchmarks/busy.py -o /tmp/busy

20 volumes of 160 x 160 x 16 (int16, .nii.gz, noise in the body), 1.2 mm where the models want 1.5, so that each is
unpacked, verified, resampled, restored, packed and synced. With the shipped model and with a small fast one, with one
volume in hand at a time, with two and with three, in turn.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import numpy as np

from modality_translate import Translator, Volume, write_volume
from modality_translate.runtime import lanes
from modality_translate.runtime.folder import convert_folder
from modality_translate.runtime.plan import plan
from modality_translate.runtime.work import Options
from random_model import write_random_model

SHAPE, SPACING = (160, 160, 16), (1.2, 1.2, 3.27)
FAST: dict[str, Any] = {"patch": (80, 80), "width": 16, "levels": 4, "spacing": (1.5, 1.5, 3.27)}


class Silent:
    """Nobody watches."""

    def started(self, name: str, position: int, total: int) -> None:
        pass

    def patches(self, done: int, total: int) -> None:
        pass

    def waiting(self, name: str, holder: str) -> None:
        pass

    def finished(self, name: str, status: str, reason: str) -> None:
        if status == "failed":
            raise SystemExit(f"{name}: {reason}")


def make_volumes(folder: Path, count: int, shape: tuple[int, int, int]) -> None:
    random = np.random.default_rng(0)
    x, y, _ = np.indices(shape) - np.array(shape)[:, None, None, None] / 2
    body = (x / shape[0]) ** 2 + (y / shape[1]) ** 2 < 0.16
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        array = np.where(body, 400 + 100 * np.sin(x / 9) + random.normal(0, 20, shape), random.normal(8, 3, shape))
        volume = Volume.of(np.maximum(array, 0).astype(np.float32), np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1]))
        write_volume(folder / f"{number:03}.nii.gz", volume, dtype="int16", overwrite=True)


def share(translator: Translator, source: Path, out: Path, in_hand: int) -> tuple[float, float]:
    """Share of the wall time, and seconds per volume."""
    lanes.CPU_LANES = in_hand
    found = convert_folder(translator, plan(source, out), Options("overwrite"), Silent())
    return found.engine_seconds / found.seconds, found.seconds / len(found.outcomes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shape", type=int, nargs=3, default=SHAPE)
    parser.add_argument("--only", choices=("fast", "limb-mr-to-ct"), nargs="+", default=("fast", "limb-mr-to-ct"))
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    make_volumes(options.output / "in", options.volumes, tuple(options.shape))
    write_random_model(options.output / "fast.onnx", **FAST)
    print("| model | volumes in hand | engine busy | s per volume |\n| --- | --- | --- | --- |")
    for name in options.only:
        model = options.output / "fast.onnx" if name == "fast" else name
        translator = Translator.load(model, device="cpu", threads=options.threads)
        found: dict[int, list[tuple[float, float]]] = {1: [], 2: [], 3: []}
        for _ in range(options.repeats):
            for in_hand, values in found.items():
                values.append(share(translator, options.output / "in", options.output / "out", in_hand))
        for in_hand, values in found.items():
            busy, seconds = zip(*values, strict=True)
            spread = f"{min(busy):.1%} to {max(busy):.1%}"
            print(
                f"| {name} | {in_hand} | {statistics.median(busy):.1%} ({spread}) | {statistics.median(seconds):.2f} |"
            )


if __name__ == "__main__":
    main()
