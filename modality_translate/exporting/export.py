"""A trained run as one self-describing .onnx file, written only after it has proven itself."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import torch

from modality_translate.errors import RunError, TranslationError
from modality_translate.exporting.calibration import sources_in, sources_of
from modality_translate.exporting.card import NOTHING_STATED, Statement, write_card
from modality_translate.exporting.graph import OPSET, build_graph
from modality_translate.exporting.metadata import sealed
from modality_translate.exporting.parity import Parity, allowed, prove_parity, run_network
from modality_translate.exporting.precision import Variant, make_variant
from modality_translate.networks import ScaledGenerator, build_generator
from modality_translate.pipeline.self_test import measure_self_test, self_test_patch
from modality_translate.pipeline.spec import PrecisionName, Spec
from modality_translate.training.files import write_bytes
from modality_translate.training.run import RunFolder

Direction = Literal["forward", "backward"]


@dataclass(frozen=True)
class ExportReport:
    """What was written, and the proof: one parity per engine installed."""

    path: Path
    size: int
    spec: Spec
    parities: tuple[Parity, ...]


def export_run(
    run: Path,
    out: Path,
    direction: Direction = "forward",
    overwrite: bool = False,
    statement: Statement = NOTHING_STATED,
    precision: PrecisionName = "fp32",
    calibrate: Path | None = None,
) -> ExportReport:
    """Write the averaged weights of `run` to `out`, in `precision`.

    fp16 and int8 are proven, and int8 calibrated, on the source volumes in `calibrate`, or else on the run's own.

    Raises `RunError` for a damaged run folder or volumes that are gone, `TranslationError` when the folder of `out` is
    missing, or `out` is there and `overwrite` is not set, and `ModelError` when an engine's answer differs from the
    network's by more than 1/4095 of the output range (1 HU) or 0.05/4095 on average, or fp16 or int8 from fp32 by more
    than `gate`. Nothing is written then.
    """
    if out.exists() and not overwrite:
        raise TranslationError(out, "is already there.", "Choose another name, or add --overwrite.")
    if not out.parent.is_dir():
        raise TranslationError(out, "its folder does not exist.", "Create the folder first.")
    network, spec = _load(run, direction)
    whole = _whole(network, spec)
    if precision != "fp32":
        sources = sources_in(calibrate) if calibrate else sources_of(RunFolder(run), direction)
        whole = make_variant(whole.graph, spec, precision, sources)
    spec = _completed(whole)
    card = write_card(spec, whole.parities, statement)
    data = sealed(whole.graph, spec, card, statement.author, statement.licence)
    write_bytes(out, data)
    return ExportReport(out, len(data), spec, whole.parities)


def _whole(network: ScaledGenerator, spec: Spec) -> Variant:
    """The fp32 graph, proven against the network."""
    graph = build_graph(network, spec.tiling)
    parities = prove_parity(network, graph.SerializeToString(deterministic=True), spec)
    return Variant(graph, spec, parities, run_network(network, self_test_patch(spec)), allowed(spec)[0])


def _load(run: Path, direction: Direction) -> tuple[ScaledGenerator, Spec]:
    """Host units in, host units out, with the run's weights."""
    folder = RunFolder(run)
    recipe, weights, spec = folder.recipe(), folder.weights(direction), folder.spec(direction)
    generator = build_generator(recipe.generator, recipe.geometry)
    try:
        generator.load_state_dict(weights)
    except RuntimeError as error:  # how torch says that names or shapes differ
        raise RunError(run, "its weights do not fit its recipe.", "The run folder is damaged.") from error
    network = ScaledGenerator(generator, spec.source.scaling, spec.target.scaling)
    network.eval()
    return network, spec


def _completed(variant: Variant) -> Spec:
    """The spec with its self-test and the versions that made it."""
    made_by = {
        "mtranslate": version("modality-translate"),
        "torch": torch.__version__.partition("+")[0],
        "opset": str(OPSET),
    }
    self_test = measure_self_test(variant.answer, variant.tolerance)
    update = {"self_test": self_test, "versions": {**variant.spec.versions, **made_by}}
    return variant.spec.model_copy(update=update)
