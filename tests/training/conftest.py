"""A cohort of tiny pairs on disk, and jobs that train on it in a second or two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from modality_translate.data.split import split
from modality_translate.data.subjects import find_cases
from modality_translate.recipe import Recipe, recipe_from
from modality_translate.training.device import open_fabric
from modality_translate.training.reporter import Silent
from modality_translate.training.run import RunFolder
from modality_translate.training.session import Job
from modality_translate.volumes import Volume, write_volume

SHAPE = (16, 20, 4)
TABLES: dict[str, dict[str, object]] = {
    "data": {"source": "../mr", "target": "../ct", "held_out": ["d"], "validation": 1},
    "source": {"modality": "MR"},
    "target": {"modality": "CT"},
    "geometry": {"patch": [16, 16], "spacing": [2.0, 2.0, 4.0]},
    "generator": {"width": 4, "levels": 2, "blocks": 1, "dropout": 0.1},
    "discriminator": {"width": 4, "layers": 1},
    "training": {"steps": 4, "batch": 2, "validate_every": 2, "checkpoint_every": 2},
    "augmentation": {"rotate": 5.0, "mr_gamma": 0.1, "mr_bias": 0.1, "noise": 0.01},
}


def write_pair(root: Path, name: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    inside = (place[:2] ** 2).sum(axis=0) < 0.6 + 0.05 * seed
    volumes = {"mr": 500.0 * inside + random.uniform(0, 30, SHAPE), "ct": np.where(inside, 40.0, -1000.0)}
    for side, array in volumes.items():
        path = root / side / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_volume(path, Volume.of(array, np.diag([-2.0, 2.0, 4.0, 1.0])))


def make_recipe(kind: str = "pix2pix", **tables: dict[str, object]) -> Recipe:
    values: dict[str, object] = {"name": "tiny", **TABLES, "objective": {"kind": kind}}
    if kind in ("cyclegan", "cut"):
        values["data"] = {**TABLES["data"], "paired": False}
        values["objective"] = {"kind": kind, "pool": 3} if kind == "cyclegan" else {"kind": kind}
    else:
        values["geometry"] = {**TABLES["geometry"], "context": 3}
    for name, table in tables.items():
        values[name] = {**values[name], **table}  # type: ignore[dict-item]
    return recipe_from(values, "test")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pairs: mr/{a..e}.nii.gz and ct/{a..e}.nii.gz."""
    root = tmp_path_factory.mktemp("cohort")
    for seed, name in enumerate("abcde"):
        write_pair(root, name, seed)
    return root


@pytest.fixture
def recipe_of() -> Callable[..., Recipe]:
    """A recipe of a second's training; the kind of objective, then changed tables."""
    return make_recipe


@pytest.fixture
def job_of(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Job]:
    """A job in a new run folder beside the cohort, or in the one given."""

    def make(recipe: Recipe, reporter: object | None = None, run: Path | None = None) -> Job:
        run = run or cohort / tmp_path_factory.mktemp("run").name
        cases = find_cases(recipe.data, cohort / "mr").cases
        return Job(recipe, split(cases, recipe), RunFolder(run), open_fabric("cpu", "32"), reporter or Silent())

    return make
