"""Reading and writing one compressed volume, against nibabel: how many times faster, at what size?

    python benchmarks/volume_io.py -i /tmp/heads            # makes one head there if there is none, see heads.py

The volume is a 256 x 256 x 160 head, int16 in .nii.gz. Both sides read to float32, verifying the checksum, and write
int16 from float32; nibabel writes at its default level. Ours also rounds, clips, looks for NaN and syncs the disk. Both
files are read back by both libraries and must hold the same voxels.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from heads import head_files
from modality_translate import Volume, read_volume, write_volume
from pairs import in_turn

Array = NDArray[np.float32]


def read_nibabel(file: Path) -> Array:
    return np.asarray(nibabel.load(file).dataobj, np.float32)


def write_nibabel(file: Path, volume: Volume) -> None:
    image = nibabel.Nifti1Image(np.rint(volume.array).astype(np.int16), volume.grid.affine)
    nibabel.save(image, file)


def write_ours(file: Path, volume: Volume) -> None:
    write_volume(file, volume, dtype="int16", overwrite=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-i", "--input", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    (file,) = head_files(options.input, 1)
    volume = read_volume(file)
    theirs, ours = options.input / "written-nibabel.nii.gz", options.input / "written-ours.nii.gz"
    writing = in_turn(partial(write_nibabel, theirs, volume), partial(write_ours, ours, volume), options.rounds)
    for written in (theirs, ours):
        np.testing.assert_array_equal(read_nibabel(written), volume.array)
        np.testing.assert_array_equal(read_volume(written).array, volume.array)
    reading = in_turn(partial(read_nibabel, theirs), partial(read_volume, theirs), options.rounds)
    own = in_turn(partial(read_nibabel, ours), partial(read_volume, ours), options.rounds)
    sizes = [written.stat().st_size for written in (theirs, ours)]
    print(f"{volume.array.shape} int16, {volume.array.size * 2 / 1e6:.1f} MB of voxels; every voxel verified")
    print(f"compressed: nibabel {sizes[0] / 1e6:.2f} MB, ours {sizes[1] / 1e6:.2f} MB ({sizes[1] / sizes[0]:.3f})")
    print(f"write: nibabel {writing}")
    print(f"read nibabel's file: nibabel {reading}")
    print(f"read our file: nibabel {own}")


if __name__ == "__main__":
    main()
