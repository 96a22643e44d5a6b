"""A training from a recipe, begun anew, for benchmarks that train several."""

from __future__ import annotations

import shutil
from pathlib import Path

from modality_translate.data.defaults import complete
from modality_translate.data.split import split
from modality_translate.data.subjects import find_cases
from modality_translate.recipe import Recipe
from modality_translate.training.device import open_fabric
from modality_translate.training.loop import train
from modality_translate.training.reporter import Silent
from modality_translate.training.run import RunFolder
from modality_translate.training.session import Job, Session


def trained(recipe: Recipe, base: Path, run: Path) -> Job:
    """Train `recipe`, whose paths are relative to `base`, into the folder `run`, which is emptied first; on the CPU."""
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    cases = find_cases(recipe.data, base).cases
    settled = complete(recipe, cases)
    folder = RunFolder(run)
    folder.write_recipe(settled)
    job = Job(settled, split(cases, settled), folder, open_fabric("cpu", settled.training.precision), Silent())
    train(Session(job))
    return job
