"""Scores of the answers that need no network, on the very cases a model is scored on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modality_translate.evaluation.baselines import LookupTable, water
from modality_translate.evaluation.matching import Files
from modality_translate.evaluation.metrics import Protocol, limits_of
from modality_translate.evaluation.results import Case, Evaluation
from modality_translate.evaluation.scoring import Pair, make_pair, notes_on, score_pair
from modality_translate.intensities.foreground import foreground
from modality_translate.intensities.modality import MODALITIES, ModalityName
from modality_translate.intensities.scaling import Asinh, Percentile, Window
from modality_translate.volumes.nifti import read_volume
from modality_translate.volumes.volume import Array

SourceScaling = Window | Asinh | Percentile


def score_floors(
    training: Sequence[Files],
    unseen: Sequence[Files],
    scaling: SourceScaling,
    target: ModalityName,
    protocol: Protocol = "synthrad2025",
) -> dict[str, Evaluation]:
    """The voxel-wise lookup fitted on `training` and, for a CT, the all-water answer, scored on `unseen`.

    Here the `predicted` file of a case is its source volume, on the grid of its reference. The lookup reads source
    values after the host part of `scaling`, as a network would. Raises `VolumeError` if a file cannot be read or
    source and target lie on different grids.
    """
    known = [_pair(files, scaling, target) for files in training]
    table = LookupTable.fit([(pair.predicted, pair.reference, pair.mask) for pair in known])
    tests = {files.name: _pair(files, scaling, target) for files in unseen}
    answers = {"voxel-wise lookup": {name: table.apply(pair.predicted) for name, pair in tests.items()}}
    if target == "CT":
        answers["all water"] = {name: water(pair.mask) for name, pair in tests.items()}
    return {label: _evaluate(tests, given, target, protocol) for label, given in answers.items()}


def _pair(files: Files, scaling: SourceScaling, target: ModalityName) -> Pair:
    """Source values (as `predicted`) and target values on one RAS+ grid, and the body to score in."""
    pair = make_pair(read_volume(files.predicted), read_volume(files.reference), None, target)
    return replace(pair, predicted=scaling.normalise(pair.predicted, foreground(pair.predicted)))


def _evaluate(
    tests: dict[str, Pair], answers: dict[str, Array], modality: ModalityName, protocol: Protocol
) -> Evaluation:
    cases = []
    for name, answer in answers.items():
        pair = replace(tests[name], predicted=answer)
        limits = limits_of(modality, protocol, pair.reference, pair.mask)
        cases.append(Case(name, score_pair(pair, modality, protocol), limits, int(pair.mask.sum())))
    notes = notes_on(modality, protocol, given_masks=False)
    return Evaluation(modality, MODALITIES[modality].units, protocol, tuple(cases), notes=notes)
