"""The final score: the kept weights on cases that neither training nor validation ever saw."""

from __future__ import annotations

import json

from modality_translate.evaluation.results import Evaluation
from modality_translate.networks import build_generator
from modality_translate.training.files import write_text
from modality_translate.training.session import Job
from modality_translate.training.validation import Direction, accuracy, translate_held_out


def score_held_out(job: Job) -> dict[str, Evaluation]:
    """Translate the held-out pairs in every direction into RUN/held_out*, score them into RUN/held_out.json.

    The specs' accuracy becomes that of these cases. Empty without held-out pairs. Raises `RunError` without weights.
    """
    cases = tuple(case for case in job.split.held_out if case.paired)
    evaluations: dict[str, Evaluation] = {}
    for name in job.run.directions() if cases else ():
        network = build_generator(job.recipe.generator, job.recipe.geometry)
        network.load_state_dict(job.run.weights(name))
        network.to(job.fabric.device)
        way = Direction.of(job.recipe, name, cases)
        evaluations[name] = translate_held_out(way, network, job.at_once, job.run.held_out(name))
        job.run.write_accuracy(accuracy(evaluations[name]), name)
    if evaluations:
        scores = {name: json.loads(evaluation.to_json()) for name, evaluation in evaluations.items()}
        write_text(job.run.held_out_file, json.dumps(scores, indent=2, ensure_ascii=False) + "\n")
    return evaluations
