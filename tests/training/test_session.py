from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch

from modality_translate.errors import RunError
from modality_translate.networks import build_generator
from modality_translate.recipe import Recipe
from modality_translate.training import session as session_module
from modality_translate.training.held_out import score_held_out
from modality_translate.training.loop import train
from modality_translate.training.reporter import Silent
from modality_translate.training.session import Job, Session
from modality_translate.volumes import read_volume


class Scores(NamedTuple):
    means: dict[str, float]


class Told(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def finished(cohort: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Filled by the first test of this module that trains."""
    return {}


@pytest.fixture
def trained(finished: dict[str, Job], recipe_of: Callable[..., Recipe], job_of: Callable[..., Job]) -> Job:
    """A finished cyclegan run with held-out scores, made once."""
    if not finished:
        job = finished["job"] = job_of(recipe_of("cyclegan"), Told())
        assert train(Session(job))
        score_held_out(job)
    return finished["job"]


def test_only_a_recipe_that_asks_for_it_says_where_air_ends(
    trained: Job, recipe_of: Callable[..., Recipe], job_of: Callable[..., Job]
):
    asked = job_of(recipe_of("cyclegan", geometry={"skip_air": True}), Told())
    Session(asked)
    levels = [job.run.spec(side).tiling.skip_below for job in (trained, asked) for side in ("forward", "backward")]
    assert levels[:2] == [None, None]
    assert all(level is not None for level in levels[2:])


def test_a_run_folder_has_what_a_person_looks_for(trained: Job):
    names = {path.relative_to(trained.run.path).as_posix() for path in trained.run.path.rglob("*") if path.is_file()}
    assert names == {
        "spec.json", "spec_backward.json", "splits.json", "metrics.csv", "losses.svg", "diagnosis.json",
        "averaged.safetensors", "averaged_backward.safetensors", "raw.safetensors", "raw_backward.safetensors",
        "held_out.json", "held_out/d.nii.gz", "held_out_backward/d.nii.gz",
        "previews/step-000002.png", "previews/step-000002_backward.png",
        "previews/step-000004.png", "previews/step-000004_backward.png",
        "state/step-00000002.safetensors", "state/step-00000002.sha256",
        "state/step-00000004.safetensors", "state/step-00000004.sha256",
    }  # fmt: skip


def test_no_path_gets_into_the_run(trained: Job, cohort: Any):
    for path in trained.run.path.rglob("*"):
        if path.is_file():
            assert str(cohort).encode() not in path.read_bytes(), path.name


def test_metrics_have_losses_and_scores_of_both_directions(trained: Job):
    rows = trained.run.metrics()
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert {"elapsed", "rate", "generator", "discriminator"} <= set(rows[0])
    assert {"validation.mae", "validation.spread", "validation_backward.mae", "validation_backward.spread"} <= set(
        rows[1]
    )
    assert "validation.mae" not in rows[0]


def test_a_spec_knows_its_direction_envelope_and_accuracy(trained: Job):
    forward, backward = trained.run.spec(), trained.run.spec("backward")
    assert (forward.source.modality, backward.source.modality) == ("MR", "CT")
    assert forward.envelope is not None
    assert forward.envelope.cases == len(trained.run.splits()["train_source"])
    assert backward.envelope is not None
    assert backward.envelope.median == (40.0, 40.0)
    assert forward.accuracy["cases"] == 1
    assert forward.accuracy["mae"] == pytest.approx(
        json.loads(trained.run.held_out_file.read_text())["forward"]["cases"]["d"]["mae"]
    )
    assert "torch" in forward.versions


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_the_weights_fit_the_recipes_generator(trained: Job, direction: str):
    network = build_generator(trained.recipe.generator, trained.recipe.geometry)
    missing, unexpected = network.load_state_dict(trained.run.weights(direction), strict=False)
    assert (missing, unexpected) == ([], [])


def test_held_out_volumes_lie_on_the_sources_grid(trained: Job, cohort: Any):
    synthetic = read_volume(trained.run.path / "held_out/d.nii.gz")
    assert synthetic.grid.matches(read_volume(cohort / "mr/d.nii.gz").grid)


def test_the_best_score_is_told(trained: Job):
    assert any(
        line.startswith("step 2: forward mae") and line.endswith("(lowest MAE so far)")
        for line in trained.reporter.lines
    )


@pytest.mark.parametrize("keep", ["last", "best"])
def test_the_weights_kept_are_those_of_the_validation_asked_for(
    keep: str, recipe_of: Callable[..., Recipe], job_of: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
):
    maes = iter([50.0, 60.0])
    monkeypatch.setattr(session_module, "validate", lambda *_: (Scores({"mae": next(maes)}), 1.0))
    monkeypatch.setattr(session_module, "accuracy", lambda scores: scores.means)
    job = job_of(recipe_of(training={"steps": 2, "validate_every": 1, "ema": 0.5, "keep": keep}))
    session = Session(job)
    train(session)
    final = session.state.averages["forward"].average.state_dict()
    same = all(torch.equal(value, final[name]) for name, value in job.run.weights().items())
    assert same == (keep == "last")
    assert job.run.spec().accuracy == {"mae": 60.0 if keep == "last" else 50.0}


def test_the_cache_is_gone_at_the_end(trained: Job):
    assert not trained.run.cache.exists()


def test_without_pairs_to_validate_the_last_average_is_kept(
    recipe_of: Callable[..., Recipe], job_of: Callable[..., Job]
):
    job = job_of(recipe_of(data={"validation": 0}, training={"steps": 2, "ema": 0.0}))
    session = Session(job)
    train(session)
    assert job.run.curves_file.is_file()
    raw = session.state.objective.generator.state_dict()
    assert all(torch.equal(value, raw[name]) for name, value in job.run.weights().items())


def test_without_matplotlib_this_is_said_once(
    recipe_of: Callable[..., Recipe], job_of: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
):
    import sys

    for module in [name for name in sys.modules if name.split(".")[0] == "matplotlib"] + ["matplotlib"]:
        monkeypatch.setitem(sys.modules, module, None)
    told = Told()
    job = job_of(recipe_of(training={"steps": 4}), told)
    assert train(Session(job))
    assert len([line for line in told.lines if "matplotlib" in line]) == 1


def test_a_run_that_ended_before_its_first_state_starts_from_its_beginning(
    recipe_of: Callable[..., Recipe], job_of: Callable[..., Job]
):
    told = Told()
    assert Session(job_of(recipe_of(), told), resume=True).state.step == 0
    assert told.lines == ["Nothing was saved yet; the training starts from its beginning."]


def test_a_run_that_lost_its_states_cannot_be_resumed(trained: Job, job_of: Callable[..., Job]):
    job = job_of(trained.recipe)
    job.run.write_averaged(build_generator(job.recipe.generator, job.recipe.geometry), "forward", 4)
    with pytest.raises(RunError, match="no saved state to resume from"):
        Session(job, resume=True)


@pytest.mark.parametrize(("registration", "times"), [("none", 0), ("elastic", 3)])
def test_every_training_pair_is_registered_where_the_recipe_asks_for_it(
    registration: str, times: int, recipe_of: Callable[..., Recipe], job_of: Callable[..., Job]
):
    told = Told()
    job = job_of(recipe_of(data={"registration": registration}), told)
    Session(job)
    # These pairs are too small to be measured, which is said of each.
    assert sum("not registered, too little structure" in line for line in told.lines) == times
    assert len(job.split.train) == 3
