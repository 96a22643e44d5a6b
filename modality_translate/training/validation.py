"""Whole volumes through the very pipeline the runtime uses, scored against the real target in its own units."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from modality_translate.data.reference import Reference, load_reference
from modality_translate.data.subjects import Case
from modality_translate.evaluation.metrics import Mask, Protocol, limits_of
from modality_translate.evaluation.panels import Images, Windows, panel_png
from modality_translate.evaluation.results import Case as Scored
from modality_translate.evaluation.results import Evaluation
from modality_translate.evaluation.scoring import Pair, make_pair, notes_on, score_pair
from modality_translate.networks.scaled import ScaledGenerator
from modality_translate.pipeline.prepare import prepare
from modality_translate.pipeline.spec import Spec
from modality_translate.pipeline.translate import Predict, translate
from modality_translate.recipe import Recipe
from modality_translate.training.files import write_bytes
from modality_translate.training.run import FORWARD
from modality_translate.volumes.nifti import write_volume
from modality_translate.volumes.volume import Array, Volume

PROTOCOL: Protocol = "synthrad2025"


@dataclass(frozen=True)
class Direction:
    """One way a run translates: its contract, and pairs to score it on."""

    name: str
    spec: Spec
    cases: tuple[Case, ...]

    @classmethod
    def of(cls, recipe: Recipe, name: str, cases: tuple[Case, ...]) -> Direction:
        """Direction `name` of a recipe; backward swaps the sides of `cases`."""
        if name == FORWARD:
            return cls(name, recipe.spec(), cases)
        return cls(name, recipe.spec(backward=True), tuple(case.swapped() for case in cases))


@dataclass(frozen=True, eq=False)
class Translated:
    """A scored case: what was given, what came out (on the source's grid), and both sides ready to compare."""

    reference: Reference
    synthetic: Volume
    pair: Pair


def predictor(generator: nn.Module, spec: Spec) -> Predict:
    """`generator` with the spec's fixed scalings around it, host units in and out, in evaluation mode."""
    scaled = ScaledGenerator(generator, spec.source.scaling, spec.target.scaling).eval()
    device = next(generator.parameters()).device

    def predict(patches: Array) -> Array:
        with torch.inference_mode():
            answer: Array = scaled(torch.from_numpy(patches).to(device)).float().cpu().numpy()
        return answer

    return predict


def translated(direction: Direction, generator: nn.Module, batch: int) -> Iterator[Translated]:
    """Each case of `direction`, read, translated and paired, one in memory at a time."""
    predict = predictor(generator, direction.spec)
    for case in direction.cases:
        reference = load_reference(case, direction.spec)
        synthetic = translate(reference.source, direction.spec, predict, batch=batch)
        pair = make_pair(synthetic, reference.target, None, direction.spec.target.modality)
        yield Translated(reference, synthetic, pair)


def scored(case: Translated, spec: Spec) -> Scored:
    """The scores of one case inside the body of its reference."""
    modality, pair = spec.target.modality, case.pair
    limits = limits_of(modality, PROTOCOL, pair.reference, pair.mask)
    return Scored(case.reference.name, score_pair(pair, modality, PROTOCOL), limits, int(pair.mask.sum()))


def evaluation_of(cases: list[Scored], spec: Spec) -> Evaluation:
    """The cases of one direction together."""
    modality = spec.target.modality
    notes = notes_on(modality, PROTOCOL, given_masks=False)
    return Evaluation(modality, spec.target.units, PROTOCOL, tuple(cases), notes=notes)


def accuracy(evaluation: Evaluation) -> dict[str, float]:
    """What a spec says about it: number of cases and mean scores."""
    return {"cases": len(evaluation.cases), **evaluation.means}


def validate(
    direction: Direction, generator: nn.Module, batch: int, show: Callable[[Translated, Direction], None]
) -> tuple[Evaluation, float]:
    """Score `generator` on the direction's cases; `show` gets the first of them. Also gives their median `spread`."""
    scores: list[Scored] = []
    spreads: list[float] = []
    for case in translated(direction, generator, batch):
        if not scores:
            show(case, direction)
        scores.append(scored(case, direction.spec))
        spreads.append(spread(case.pair))
    return evaluation_of(scores, direction.spec), statistics.median(spreads)


def spread(pair: Pair) -> float:
    """How much the synthetic slices differ from each other inside the body, as a share of what the target's do.

    The difference is the standard deviation about the mean slice, (X, Y); of a single slice, about its mean. 1 is
    ideal, 0 the same slice whatever was given; also 1 where the target itself is the same everywhere.
    """
    expected = _deviation(pair.reference, pair.mask)
    return _deviation(pair.predicted, pair.mask) / expected if expected > 0 else 1.0


def _deviation(array: Array, mask: Mask) -> float:
    axes = 2 if array.shape[2] > 1 else None
    inside = np.maximum(mask.sum(axis=axes, keepdims=True), 1)
    mean = np.where(mask, array, 0).sum(axis=axes, keepdims=True, dtype=np.float64) / inside
    return float(np.std((array - mean)[mask]))


def write_preview(case: Translated, spec: Spec, path: Path) -> None:
    """Source, synthetic, reference and difference as PNG. Raises `MissingExtraError` without matplotlib."""
    source = prepare(case.reference.source, spec.model_copy(update={"spacing": None}))
    images = Images(source.array, case.pair.predicted, case.pair.reference, case.pair.mask, source.grid.spacing)
    write_bytes(path, panel_png(images, Windows.of(spec.source.modality, spec.target.modality)))


def translate_held_out(direction: Direction, generator: nn.Module, batch: int, folder: Path) -> Evaluation:
    """Write every case of `direction` translated into `folder` (names as given), and score it."""
    scores = []
    for case in translated(direction, generator, batch):
        path = folder / f"{case.reference.name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_volume(path, case.synthetic, dtype=direction.spec.target.stored, overwrite=True)
        scores.append(scored(case, direction.spec))
    return evaluation_of(scores, direction.spec)
