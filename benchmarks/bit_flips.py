"""400 compressed volumes with one bit flipped each: how many does a reader load as if nothing had happened?

    python benchmarks/bit_flips.py -o /tmp/flips

A small phantom-like head, int16 in .nii.gz; the flipped bits are drawn evenly over the whole file. "Silent": no error
and no note, whatever the voxels are; "wrong": silent, and the voxels or the affine differ from those of the whole file.
nibabel reads the same files as its users do, with get_fdata.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from modality_translate import Volume, read_volume, write_volume
from modality_translate.errors import VolumeError

SHAPE = (96, 96, 64)
Seen = tuple[NDArray[np.float32], NDArray[np.float64], bool]
"""Voxels, affine, and whether something was said about the file."""


def head() -> Volume:
    """A smooth ball with noise, in noisy air."""
    rng = np.random.default_rng(0)
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    tissue = 500 + 2000 * gaussian_filter(rng.normal(size=SHAPE), 3.0)
    array = np.where((place**2).sum(axis=0) < 0.7, tissue, 0.0)
    return Volume.of(np.hypot(array + rng.normal(0, 15, SHAPE), rng.normal(0, 15, SHAPE)), np.diag([2.0, 2, 2, 1]))


def by_nibabel(file: Path) -> Seen:
    image = nibabel.load(file)
    return np.asarray(image.get_fdata(), np.float32), np.asarray(image.affine), False


def by_us(file: Path) -> Seen:
    volume = read_volume(file)
    return volume.array, volume.grid.affine, bool(volume.notes)


def verdict(read: Callable[[Path], Seen], file: Path, whole: Seen) -> str:
    """What became of a damaged file: refused, noted, wrong, same, or crashed (an error of ours but VolumeError)."""
    try:
        array, affine, noted = read(file)
    except VolumeError:
        return "refused"
    except Exception:
        return "refused" if read is by_nibabel else "crashed"
    if noted:
        return "noted"
    return "same" if np.array_equal(array, whole[0]) and np.array_equal(affine, whole[1]) else "wrong"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--flips", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    intact, damaged = options.output / "intact.nii.gz", options.output / "damaged.nii.gz"
    write_volume(intact, head(), dtype="int16", overwrite=True)
    data, draw = intact.read_bytes(), random.Random(options.seed)
    counts: dict[str, Counter[str]] = {"nibabel": Counter(), "mtranslate": Counter()}
    for bit in draw.sample(range(8 * len(data)), options.flips):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.write_bytes(flipped)
        for name, read in ("nibabel", by_nibabel), ("mtranslate", by_us):
            counts[name][verdict(read, damaged, read(intact))] += 1
    print(f"{options.flips} single-bit flips in a file of {len(data)} bytes, seed {options.seed}")
    for name, count in counts.items():
        silent = count["wrong"] + count["same"]
        loud = ", ".join(f"{what} {count[what]}" for what in ("refused", "crashed", "noted"))
        print(f"{name}: {loud}, silent {silent} (wrong {count['wrong']})")


if __name__ == "__main__":
    main()
