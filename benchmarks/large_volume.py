"""512 x 512 x 531 float32 through `mtranslate convert`: memory over the bare model, for a 2D and a 3D network.

    python benchmarks/large_volume.py -o /tmp/large
    python benchmarks/large_volume.py -o /tmp/large --memory 1GB

With `--memory` the volume is converted again under that limit, its arrays in files, and both results must be the same
to the byte. The networks are untrained and narrow, as memory is asked for and not time. "Bare" is a process that has
loaded the model and computed one full batch; then a process converts the whole volume, a body in noisy air, with
percentiles taken in its foreground. Both peaks are the kernel's (largest resident memory of the process, mapped files
included).
"""

from __future__ import annotations

import argparse
import filecmp
import sys
from pathlib import Path

import numpy as np

from against_monai import cost
from modality_translate import Volume, write_volume
from modality_translate.intensities import Percentile
from models import AIR_BELOW, PATCHES, make_model

SHAPE = (512, 512, 531)
WIDTH = 2
BARE = """
import sys, numpy as np
from modality_translate import Translator
translator = Translator.load(sys.argv[1], device="cpu")
engine, tiling = translator.engine, translator.spec.tiling
engine.predict(np.zeros((engine.batch, 1, *tiling.patch), np.float32))
"""


def make_volume(file: Path, shape: tuple[int, int, int]) -> None:
    """An ellipsoid of tissue in the noise of air, slice by slice; as large inside as a head in its field of view."""
    rng = np.random.default_rng(0)
    array = np.empty(shape[::-1], np.float32).T
    x, y = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    for number, z in enumerate(np.linspace(-1, 1, shape[2])):
        inside = (x / 0.7) ** 2 + (y / 0.8) ** 2 + (z / 0.95) ** 2 < 1
        array[:, :, number] = np.hypot(
            900.0 * inside + rng.normal(0, 12, inside.shape), rng.normal(0, 12, inside.shape)
        )
    write_volume(file, Volume.of(array, np.eye(4)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--dims", type=int, nargs="+", choices=(2, 3), default=[2, 3])
    parser.add_argument("--shape", type=int, nargs=3, default=SHAPE)
    parser.add_argument("--everything", action="store_true", help="Without a level of air: every patch is run.")
    parser.add_argument("--memory", nargs="+", default=[], help="limits for further conversions, such as 1GB")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    shape = tuple(options.shape)
    source = options.output / f"source-{shape[2]}.nii"
    if not source.exists():
        make_volume(source, shape)
    print(f"{' x '.join(map(str, shape))} float32, {np.prod(shape) * 4 / 2**20:.0f} MiB")
    for dims in options.dims:
        level = None if options.everything else AIR_BELOW
        made = make_model(options.output, dims, WIDTH, source=Percentile(), air_below=level)
        bare = cost([sys.executable, "-c", BARE, str(made.file)]).memory
        print(f"{made.spec.name}, patch {PATCHES[dims]}: bare {bare:.0f} MiB", flush=True)
        first = options.output / "out.nii.gz"
        convert(made.file, source, first, bare, "no limit")
        for limit in options.memory:
            again = options.output / "limited.nii.gz"
            convert(made.file, source, again, bare, f"--memory {limit}", "--memory", limit)
            if not filecmp.cmp(first, again, shallow=False):
                raise SystemExit(f"{again} differs from {first}.")


def convert(model: Path, source: Path, output: Path, bare: float, name: str, *more: str) -> None:
    paths = ["-m", str(model), "-i", str(source), "-o", str(output), "--on-exists", "overwrite"]
    command = [sys.executable, "-m", "modality_translate", "convert", "-d", "cpu", "-q"]
    seconds, _, peak = cost([*command, *paths, *more])
    over = f"{peak - bare:.0f} MiB = {(peak - bare) * 2**20 / 1e9:.2f} GB"
    print(f"    {name}: peak {peak:.0f} MiB, over the bare model {over}; {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
