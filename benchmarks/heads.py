"""Phantom heads as a scanner leaves them: T1, int16, 256 x 256 x 160 voxels of 1 mm, with the noise of air around.

python benchmarks/heads.py -o /tmp/heads --count 2        # about two minutes each; kept for the other benchmarks
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modality_translate import Volume, read_volume, write_volume
from modality_translate.phantom import PhantomSettings
from modality_translate.phantom.subject import make_subject

SHAPE = (256, 256, 160)
FIRST_SLICE = 70
"""Below lie chin and neck; the phantom's top of the head stays in view, with air above it."""
FIRST_SEED = 3001
COUNTS_PER_UNIT = 2.0
AIR_COLUMNS = 4
"""So many columns at the left of the phantom's field of view are air only; noise is drawn from them."""

Array = NDArray[np.float32]


def head_files(folder: Path, count: int) -> list[Path]:
    """`count` heads in `folder`, made where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"head-{number:02d}.nii.gz" for number in range(count)]
    for number, file in enumerate(files):
        if not file.exists():
            write_volume(file, head(FIRST_SEED + number), dtype="int16")
    return files


def head(seed: int) -> Volume:
    """The T1 of one subject, (256, 256, 160), RAS+ at 1 mm."""
    made = make_subject(seed, PhantomSettings(spacing=1.0)).volumes["T1"]
    rng = np.random.default_rng(seed)
    air = made.array[:AIR_COLUMNS].ravel()
    view = made.array[:, :, FIRST_SLICE:]
    array = rng.choice(air, SHAPE)
    into = tuple((full - min(full, size)) // 2 for full, size in zip(SHAPE[:2], view.shape[:2], strict=True))
    array[into[0] : into[0] + view.shape[0], into[1] : into[1] + view.shape[1]] = _fitted(view, rng, air)
    return Volume.of(np.rint(array * COUNTS_PER_UNIT), made.grid.affine)


def _fitted(view: Array, rng: np.random.Generator, air: Array) -> Array:
    """`view` with as many slices as wanted, air above it where it is too short."""
    missing = max(0, SHAPE[2] - view.shape[2])
    return np.concatenate([view[:, :, : SHAPE[2]], rng.choice(air, (*view.shape[:2], missing))], axis=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--count", type=int, default=2)
    options = parser.parse_args()
    for file in head_files(options.output, options.count):
        array = read_volume(file).array
        print(f"{file}: {array.shape}, {file.stat().st_size / 1e6:.1f} MB, values {array.min():g} to {array.max():g}")


if __name__ == "__main__":
    main()
