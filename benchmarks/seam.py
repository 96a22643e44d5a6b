"""How much a translation depends on where its patches were cut: the same heads, tiled differently.

    python benchmarks/seam.py -o /tmp/seam

A network with batch statistics fixed at inference (the default) and one with instance norm, which takes its statistics
from each patch, learn MR to CT on phantom heads for the same steps. Each translates the same new heads with its own
tiling, with more overlap, and with the whole grid of patches shifted. Printed: the absolute difference in HU inside the
body of the CT, on average and at the worst voxel in a thousand.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afresh import trained
from limbs import markdown
from modality_translate import read_volume
from modality_translate.intensities.foreground import body_mask
from modality_translate.networks import build_generator
from modality_translate.phantom import PhantomSettings, write_cohort
from modality_translate.pipeline.prepare import host_background, prepare, prepare_target
from modality_translate.pipeline.spec import Spec
from modality_translate.pipeline.translate import Predict, translate_array
from modality_translate.recipe import Recipe, recipe_from
from modality_translate.training.session import Job
from modality_translate.training.validation import predictor

NORMS = ("batch", "instance")
TRAINING_SEED, TEST_SEED, TEST_HEADS = 1, 1001, 2
MORE_OVERLAP = 0.75
SHIFT = ((5, 11), (9, 3), (0, 0))
"""Voxels of air added before and after each axis."""
Array = NDArray[np.float32]


def recipe(norm: str, steps: int, patch: int) -> Recipe:
    values: dict[str, Any] = {
        "name": "seam",
        "data": {"source": "train/t1", "target": "train/ct", "validation": 0},
        "source": {"modality": "MR"},
        "target": {"modality": "CT"},
        "geometry": {"patch": [patch, patch], "context": 5},
        "generator": {"norm": norm},
        "objective": {"kind": "pix2pix", "adversarial": 0.0},
        "optimiser": {"lr": 2e-3, "warmup": 50, "clip": 1.0, "weight_decay": 1e-4},
        "training": {"steps": steps, "validate_every": steps, "checkpoint_every": steps, "ema": 0.99},
    }
    return recipe_from(values, "benchmark")


def model(job: Job) -> tuple[Spec, Predict]:
    """What the run translates with."""
    network = build_generator(job.recipe.generator, job.recipe.geometry)
    network.load_state_dict(job.run.weights())
    spec = job.run.spec()
    return spec, predictor(network, spec)


def heads(folder: Path, spec: Spec) -> Iterator[tuple[Array, Array, NDArray[np.bool_]]]:
    """Source and target in host units, and the body, of every test head."""
    for index in range(TEST_HEADS):
        source, target = (read_volume(folder / f"test/{side}/sub-{index:03d}.nii.gz") for side in ("t1", "ct"))
        prepared = prepare(source, spec)
        answer = prepare_target(target, prepared, spec)
        yield prepared.array, answer, body_mask(answer, "CT", prepared.grid.spacing)


def shifted(array: Array, spec: Spec, predict: Predict) -> Array:
    """The translation of `array` behind some air, cut back to its shape."""
    wider = np.pad(array, SHIFT, constant_values=host_background(spec.source))
    inner = tuple(slice(before, before + size) for (before, _), size in zip(SHIFT, array.shape, strict=True))
    return translate_array(wider, spec, predict)[inner]


def line(norm: str, job: Job, folder: Path) -> list[str]:
    """MAE, and the mean and 99.9th percentile of what more overlap and another grid change, over all test heads."""
    spec, predict = model(job)
    denser = spec.model_copy(update={"tiling": spec.tiling.model_copy(update={"overlap": MORE_OVERLAP})})
    low, high = spec.target.scaling.fixed.range
    errors: list[float] = []
    changes: tuple[list[float], list[float]] = ([], [])
    for source, target, body in heads(folder, spec):
        plain, *others = (
            np.clip(image, low, high)[body]
            for image in (
                translate_array(source, spec, predict),
                translate_array(source, denser, predict),
                shifted(source, spec, predict),
            )
        )
        errors.append(np.abs(plain - target[body]).mean())
        for kept, other in zip(changes, others, strict=True):
            kept.append(np.abs(other - plain))
    figures = [f(np.concatenate(kept)) for kept in changes for f in (np.mean, lambda d: np.percentile(d, 99.9))]
    return [norm, f"{np.mean(errors):.1f}", *(f"{figure:.2f}" for figure in figures)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--heads", type=int, default=8, help="Heads to train on.")
    parser.add_argument("--spacing", type=float, default=2.0, help="Voxel size in mm.")
    parser.add_argument("--patch", type=int, default=64, help="In-plane size of a patch.")
    parser.add_argument("--steps", type=int, default=600)
    arguments = parser.parse_args()
    settings = PhantomSettings(spacing=arguments.spacing)
    if not (arguments.output / "test").exists():
        write_cohort(arguments.output / "train", arguments.heads, TRAINING_SEED, settings)
        write_cohort(arguments.output / "test", TEST_HEADS, TEST_SEED, settings)
    rows = []
    for norm in NORMS:
        began = time.monotonic()
        job = trained(recipe(norm, arguments.steps, arguments.patch), arguments.output, arguments.output / norm)
        rows.append([*line(norm, job, arguments.output), f"{time.monotonic() - began:.0f}"])
    names = ["norm", "MAE HU", "overlap 0.5 or 0.75", "worst 0.1 %", "grid shifted", "worst 0.1 %", "s"]
    print(markdown(names, rows))


if __name__ == "__main__":
    main()
