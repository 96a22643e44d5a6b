"""Engines and precisions side by side on one model: time by time alternated, and the error against fp32.

    python benchmarks/engines.py -m limb-mr-to-ct -i SCANS --rounds 7

SCANS is a folder of source volumes: every other one calibrates, the rest proves. fp16 and int8 are made from the file's
own graph as `mtranslate export --precision` makes them. A round times each engine on each precision once, on the same
patches; printed is the ratio to onnxruntime fp32 of the same round, its median and quartiles.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from limbs import markdown
from modality_translate.exporting.calibration import Sources, real_patches, sources_in
from modality_translate.exporting.metadata import sealed
from modality_translate.exporting.precision import gate, make_variant
from modality_translate.pipeline.self_test import measure_self_test
from modality_translate.pipeline.spec import PrecisionName
from modality_translate.runtime.engine import Engine
from modality_translate.runtime.engine_choice import ON_CPU
from modality_translate.runtime.model_file import ModelFile, read_model
from modality_translate.runtime.shipped import located

Array = NDArray[np.float32]
PRECISIONS: tuple[PrecisionName, ...] = ("fp32", "fp16", "int8")
PATCHES = 16


def variant(model: ModelFile, precision: PrecisionName, sources: Sources, folder: Path) -> Path:
    """The model in another precision as a file in `folder`, as a user would have it."""
    graph = onnx.load_from_string(model.data)
    del graph.metadata_props[:]
    made = make_variant(graph, model.spec, precision, sources)
    spec = made.spec.model_copy(update={"self_test": measure_self_test(made.answer, made.tolerance)})
    path = folder / f"{model.spec.name}-{precision}.onnx"
    path.write_bytes(sealed(made.graph, spec, model.card, model.author, model.licence))
    quantised = sum(node.op_type == "QuantizeLinear" for node in made.graph.graph.node)
    print(f"{precision}: {path.stat().st_size / 2**20:.1f} MB, {quantised} QuantizeLinear, on real patches:")
    for parity in made.parities:
        print(f"  {parity}")
    return path


def in_batches(engine: Engine, patches: Array) -> Array:
    groups = [patches[i : i + engine.batch] for i in range(0, len(patches), engine.batch)]
    return np.concatenate([engine.predict(group) for group in groups])


def alternated(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each side in each round, after one untimed round."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            begin = time.perf_counter()
            side()
            if number:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def row(name: str, seconds: list[float], reference: list[float], error: Array) -> list[str]:
    low, middle, high = np.percentile(np.array(reference) / np.array(seconds), [25, 50, 75])
    each = 1000 * float(np.median(seconds)) / PATCHES
    return [
        name,
        f"{each:.0f}",
        f"{middle:.2f}x ({low:.2f} to {high:.2f})",
        f"{error.mean():.2g}",
        f"{error.max():.2g}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", default="limb-mr-to-ct")
    parser.add_argument("-i", "--input", type=Path, required=True, help="folder of source volumes")
    parser.add_argument("-o", "--output", type=Path, default=Path("/tmp/engines"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    model, sources = read_model(located(given.model)), sources_in(given.input)
    patches = real_patches(sources.proof, model.spec)
    patches = patches[:: max(1, len(patches) // PATCHES)][:PATCHES]
    units, patch = model.spec.target.units, model.spec.tiling.patch
    print(f"gate {gate(model.spec):g} {units}, {os.cpu_count()} cores, patch {patch}")
    engines: dict[str, Engine] = {}
    for precision in PRECISIONS:
        file = model if precision == "fp32" else read_model(variant(model, precision, sources, given.output))
        for opener in ON_CPU.values():
            engine = opener(file, "cpu", given.threads)
            engines[f"{engine.name} {precision}"] = engine
    sides = {name: (lambda engine=engine: in_batches(engine, patches)) for name, engine in engines.items()}
    seconds = alternated(sides, given.rounds)
    first, *_ = engines
    exact = in_batches(engines[first], patches)
    table = [["engine, precision", "ms per patch", f"speed over {first}", f"mean error, {units}", f"largest, {units}"]]
    for name, engine in engines.items():
        error = np.abs(in_batches(engine, patches) - exact)
        table.append(row(name, seconds[name], seconds[first], error))
    print(markdown(table[0], table[1:]))


if __name__ == "__main__":
    main()
