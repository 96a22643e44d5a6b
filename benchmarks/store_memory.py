"""500 volumes through the store: is each file decoded once, and how much memory does drawing from them take?

    python benchmarks/store_memory.py --volumes 500 -o /tmp/store

Makes 250 pairs of 96x96x64 (one head of smooth noise in air, shifted and scaled per pair), prepares them as training
does, draws batches, opens the store again as a resumed training does, and draws again.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from modality_translate.data import store as stores
from modality_translate.data.patches import Sampler
from modality_translate.data.subjects import Case
from modality_translate.recipe import recipe_from
from modality_translate.volumes import Volume, read_volume, write_volume

SHAPE, BATCH = (96, 96, 64), 8


def make(folder: Path, count: int) -> tuple[Case, ...]:
    """`count` pairs on disk, unless they are there."""
    smooth = gaussian_filter(np.random.default_rng(0).normal(size=SHAPE), 3.0)
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    head = (place**2).sum(axis=0) < 0.7
    cases = []
    for number in range(count):
        mr, ct = (folder / side / f"{number:03d}.nii.gz" for side in ("mr", "ct"))
        for path, array in (mr, 400.0 + 3000.0 * smooth), (ct, 40.0 + 2000.0 * np.roll(smooth, number, axis=0)):
            path.parent.mkdir(parents=True, exist_ok=True)
            air = 0.0 if path is mr else -1000.0
            if not path.is_file():
                write_volume(path, Volume.of(np.where(head, array, air), np.eye(4)), dtype="int16")
        cases.append(Case(f"{number:03d}", mr, ct))
    return tuple(cases)


def peak() -> float:
    """Largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def private() -> float:
    """Resident memory that is not a view of a file, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def draw(store: stores.Store, spec: Any, steps: int) -> float:
    """Milliseconds per batch."""
    sampler = Sampler(store, spec, BATCH, 0)
    begin = time.monotonic()
    for step in range(steps):
        sampler.batch(sampler.generator(step))
    return 1000 * (time.monotonic() - begin) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=int, default=500)
    parser.add_argument("--batches", type=int, default=500)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    tables = {"data": {"phantom": {}}, "source": {"modality": "MR"}, "target": {"modality": "CT"}}
    recipe = recipe_from({"name": "store", **tables, "geometry": {"patch": [64, 64], "spacing": [1.0] * 3}}, "here")
    cases = make(options.output, options.volumes // 2)
    decoded: Counter[Path] = Counter()
    read = read_volume

    def counted(path: Path) -> Volume:
        decoded[path] += 1
        return read(path)

    stores.__dict__["read_volume"] = counted
    specs, cache = (recipe.spec(), recipe.spec(backward=True)), options.output / "cache"
    before = peak()
    begin = time.monotonic()
    store = stores.build_store(cases, *specs, cache)
    seconds, built = time.monotonic() - begin, peak()
    speed = draw(store, specs[0], options.batches)
    again = draw(stores.build_store(cases, *specs, cache), specs[0], options.batches)
    voxels = options.volumes * int(np.prod(SHAPE))
    print(f"{options.volumes} volumes {SHAPE}: {voxels * 4 / 1e6:.0f} MB as float32, {voxels * 2 / 1e6:.0f} MB stored")
    print(f"on disk {sum(file.stat().st_size for file in cache.iterdir()) / 1e6:.0f} MB; prepared in {seconds:.0f} s")
    print(f"peak memory {before:.0f} MB before, {built:.0f} MB after preparing, {peak():.0f} MB after drawing")
    print(f"of the memory now, {private():.0f} MB is the process's own, not views of files")
    print(f"{2 * options.batches} batches of {BATCH} pairs: {speed:.1f} and {again:.1f} ms each")
    print(f"decoded {sum(decoded.values())} times; most often one file: {max(decoded.values())}")


if __name__ == "__main__":
    main()
