"""A trained run as one self-describing .onnx file, written only after it has proven itself."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import torch

from modality_translate.errors import RunError, TranslationError
from modality_translate.exporting.card import NOTHING_STATED, Statement, write_card
from modality_translate.exporting.graph import OPSET, build_graph
from modality_translate.exporting.metadata import sealed
from modality_translate.exporting.parity import Parity, allowed, prove_parity, run_network
from modality_translate.networks import ScaledGenerator, build_generator
from modality_translate.pipeline.self_test import measure_self_test, self_test_patch
from modality_translate.pipeline.spec import Spec
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
) -> ExportReport:
    """Write the averaged weights of `run` to `out`.

    Raises `RunError` for a damaged run folder, `ModelError` when an engine's answer differs from the network's by more
    than 1/4095 of the output range (1 HU) or 0.05/4095 on average, and `TranslationError` when `out` is there and
    `overwrite` is not set. Nothing is written then.
    """
    if out.exists() and not overwrite:
        raise TranslationError(out, "is already there.", "Choose another name, or add --overwrite.")
    network, spec = _load(run, direction)
    graph = build_graph(network, spec.tiling)
    parities = prove_parity(network, graph.SerializeToString(deterministic=True), spec)
    spec = _completed(spec, network)
    card = write_card(spec, parities, statement)
    data = sealed(graph, spec, card, statement.author, statement.licence)
    write_bytes(out, data)
    return ExportReport(out, len(data), spec, parities)


def _load(run: Path, direction: Direction) -> tuple[ScaledGenerator, Spec]:
    """Host units in, host units out, with the run's weights."""
    folder = RunFolder(run)
    recipe, spec = folder.recipe(), folder.spec(direction)
    generator = build_generator(recipe.generator, recipe.geometry)
    try:
        generator.load_state_dict(folder.weights(direction))
    except RuntimeError as error:  # how torch says that names or shapes differ
        raise RunError(run, "its weights do not fit its recipe.", "The run folder is damaged.") from error
    network = ScaledGenerator(generator, spec.source.scaling, spec.target.scaling)
    network.eval()
    return network, spec


def _completed(spec: Spec, network: ScaledGenerator) -> Spec:
    """The spec with its self-test and the versions that made it."""
    largest, _ = allowed(spec)
    answer = run_network(network, self_test_patch(spec))
    made_by = {
        "mtranslate": version("modality-translate"),
        "torch": torch.__version__.partition("+")[0],
        "opset": str(OPSET),
    }
    update = {"self_test": measure_self_test(answer, largest), "versions": {**spec.versions, **made_by}}
    return spec.model_copy(update=update)
