from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from modality_translate.cli.train import command
from modality_translate.errors import RecipeError, RunError, TranslationError
from modality_translate.training.run import RunFolder
from modality_translate.volumes import Volume, write_volume

pytestmark = pytest.mark.usefixtures("no_pictures")
SMALL = {
    "training.steps": "4",
    "training.batch": "2",
    "training.validate_every": "2",
    "generator.width": "4",
    "generator.levels": "2",
    "generator.blocks": "1",
    "discriminator.width": "4",
    "discriminator.layers": "1",
}
SETTINGS = [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with data/{mr,ct}/{p0..p5}.nii.gz."""
    monkeypatch.chdir(tmp_path)
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in (16, 16, 4)], indexing="ij"))
    inside = (place[:2] ** 2).sum(axis=0) < 0.6
    for number in range(6):
        noise = np.random.default_rng(number).uniform(0, 30, inside.shape)
        for side, array in {"mr": 500.0 * inside + noise, "ct": np.where(inside, 40.0, -1000.0)}.items():
            path = tmp_path / "data" / side / f"p{number}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_volume(path, Volume.of(array, np.diag([2.0, 2.0, 4.0, 1.0])))
    return tmp_path / "data"


def train(*arguments: str) -> Result:
    result = CliRunner().invoke(command, [*arguments, "-d", "cpu", "--threads", "1"], standalone_mode=False)
    if isinstance(result.exception, TranslationError):
        raise result.exception
    return result


FOLDERS = ["-a", "data/mr", "-b", "data/ct", "--from", "mr"]


def test_two_folders_become_a_run_with_the_next_command():
    result = train(*FOLDERS, "-o", "runs/first", *SETTINGS)
    assert result.return_value == 0, result.output
    assert "Last validation, forward (step" in result.stdout
    assert "Held out, forward (1 cases, HU): mae" in result.stdout
    assert "Diagnosis: too short to judge: the run has 4 rows of losses, 20 are needed." in result.stdout
    assert result.stdout.endswith("Next: mtranslate export runs/first -o model.onnx\n")
    assert "step 1/4" in result.stderr
    assert "objective.kind" in result.stderr
    recipe = RunFolder(Path("runs/first")).recipe()
    assert (recipe.data.source, recipe.training.steps) == ("../../data/mr", 4)
    assert list(json.loads(Path("runs/first/held_out.json").read_text())["forward"]["cases"]) == ["p4"]


def test_a_recipe_is_read_with_paths_relative_to_itself_and_quiet_is_quiet(data: Path):
    text = (
        '[data]\nsource = "mr/*.nii.gz"\ntarget = "ct/*.nii.gz"\n[source]\nmodality = "MR"\n[target]\nmodality = "CT"\n'
    )
    (data / "mine.toml").write_text(text + "[geometry]\npatch = [16, 16]\n")
    result = train("data/mine.toml", "-o", "run", "-q", *SETTINGS)
    assert result.return_value == 0
    assert result.stderr == ""
    assert RunFolder(Path("run")).recipe().name == "mine"
    assert "validation" in result.stdout


def test_unpaired_folders_train_both_directions():
    result = train(*FOLDERS, "--unpaired", "-o", "run", *SETTINGS)
    assert result.return_value == 0, result.output
    assert "Held out, forward (1 cases, HU)" in result.stdout
    assert "Held out, backward (1 cases, scaled MR)" in result.stdout


PHANTOM = (
    "[data]\nvalidation = 1\npaired = {paired}\n[data.phantom]\nsubjects = 4\nheld_out = 1\nspacing = 8.0\n"
    '[source]\nmodality = "MR"\n[target]\nmodality = "CT"\n[geometry]\npatch = [16, 16]\n'
    '[objective]\nkind = "{kind}"\n'
)


def test_a_phantom_recipe_ended_while_its_heads_were_made_begins_again(monkeypatch: pytest.MonkeyPatch):
    from modality_translate.phantom import cohort

    Path("r.toml").write_text(PHANTOM.format(paired="true", kind="pix2pix"))
    make, made = cohort.make_subject, list[Any]()

    def ended(*arguments: Any) -> Any:
        made.append(arguments)
        if len(made) == 2:
            raise KeyboardInterrupt
        return make(*arguments)

    monkeypatch.setattr(cohort, "make_subject", ended)
    with pytest.raises((KeyboardInterrupt, click.Abort)):
        CliRunner().invoke(command, ["r.toml", "-o", "run"], standalone_mode=False, catch_exceptions=False)
    assert [path.name for path in Path("run/phantom/ct").iterdir()] == ["sub-000.nii.gz"]
    result = train("r.toml", "-o", "run", *SETTINGS)
    assert result.return_value == 0, result.output
    assert len(made) == 2 + 4


@pytest.mark.parametrize("unpaired", ["true", "false"])
def test_a_phantom_recipe_needs_no_data(unpaired: str):
    kinds = {"true": "cyclegan", "false": "pix2pix"}
    paired = "false" if unpaired == "true" else "true"
    Path("r.toml").write_text(PHANTOM.format(paired=paired, kind=kinds[unpaired]))
    result = train("r.toml", "-o", "run", *SETTINGS)
    assert result.return_value == 0, result.output
    assert "Held out, forward (1 cases" in result.stdout
    splits = json.loads(Path("run/splits.json").read_text())
    assert splits["held_out"] == ["sub-003"]
    shared = set(splits["train_source"]) & set(splits["train_target"])
    assert bool(shared) == (unpaired == "false")


def test_ctrl_c_saves_and_resume_ends_the_training(monkeypatch: pytest.MonkeyPatch):
    from modality_translate.training.session import Session

    log: Callable[..., None] = Session.log

    def interrupted(session: Session, rate: float) -> None:
        log(session, rate)
        if session.state.step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Session, "log", interrupted)
    result = train(*FOLDERS, "-o", "run", *SETTINGS)
    assert result.return_value == 130
    assert "Go on with: mtranslate train -o run --resume" in result.stderr
    result = train("-o", "run", "--resume")
    assert result.return_value == 0
    assert "(4 steps" in result.stdout


def test_the_plan_stays_in_the_run_with_its_reasons_and_what_changed_later():
    train(*FOLDERS, "-o", "run", *SETTINGS)
    plan = json.loads(Path("run/plan.json").read_text())
    dims = next(decision for decision in plan["decisions"] if decision["field"] == "geometry.dims")
    assert f"# {dims['reason']}\ndims = 2\n" in Path("run/recipe.toml").read_text()
    train("-o", "run", "--resume", "--set", "optimiser.clip=2.0")
    text = Path("run/recipe.toml").read_text()
    assert f"# {dims['reason']}\ndims = 2\n" in text
    assert "# set by hand; the plan had 1.0 (one odd patch must not undo many)\nclip = 2.0\n" in text


def test_a_damaged_plan_is_named():
    train(*FOLDERS, "-o", "run", *SETTINGS)
    Path("run/plan.json").write_text('{"decisions": 3}')
    with pytest.raises(RunError, match=r"plan.json is damaged"):
        train("-o", "run", "--resume")


def test_a_planned_recipe_trains_as_it_stands():
    train(*FOLDERS, "-o", "run", *SETTINGS)
    result = train("run/recipe.toml", "-o", "again", "-q")
    assert result.return_value == 0, result.output
    assert RunFolder(Path("again")).recipe() == RunFolder(Path("run")).recipe()


def test_a_finished_run_resumed_says_so_and_succeeds():
    train(*FOLDERS, "-o", "run", *SETTINGS)
    result = train("-o", "run", "--resume")
    assert result.return_value == 0
    assert "This run is finished." in result.stderr


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("generator.width=8", "the saved networks are not those of the recipe"),
        ('data.held_out=["p0"]', "its volumes are not those it was started with"),
        ("target.scaling.hi=2000", "was started with another target"),
        ("geometry.overlap=0.25", "was started with another tiling"),
        ("objective.kind=gan", "'gan' is unknown"),
    ],
)
def test_a_change_that_resume_refuses_leaves_the_run_as_it_was(change: str, reason: str):
    train(*FOLDERS, "-o", "run", *SETTINGS)
    before = Path("run/recipe.toml").read_text()
    with pytest.raises(TranslationError, match=reason):
        train("-o", "run", "--resume", "--set", change)
    assert Path("run/recipe.toml").read_text() == before


@pytest.mark.parametrize("mistake", ["objective.kind=gan", 'data.held_out=["nobody"]'])
def test_a_refused_training_leaves_its_folder_free(mistake: str):
    with pytest.raises(RecipeError):
        train(*FOLDERS, "-o", "run", *SETTINGS, "--set", mistake)
    assert train(*FOLDERS, "-o", "run", *SETTINGS).return_value == 0


def test_a_folder_in_use_is_refused(data: Path):
    with pytest.raises(RunError, match=r"is not empty. Choose a new folder with -o, or go on with it by --resume"):
        train(*FOLDERS, "-o", "data")


def test_resume_needs_a_run():
    with pytest.raises(RunError, match=r"there is no recipe.toml"):
        train("-o", "nowhere", "--resume")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-o", "run"], "Give a RECIPE, or two folders"),
        (["-a", "data/mr", "-o", "run"], "Give a RECIPE, or two folders"),
        (["r.toml", *FOLDERS, "-o", "run"], "not both"),
        (["r.toml", "-o", "run", "--resume"], "--resume follows the recipe in the run folder"),
    ],
)
def test_options_that_do_not_fit_together_are_a_usage_error(arguments: list[str], reason: str):
    assert reason in str(train(*arguments).exception)
    assert not Path("run").exists()


def state_of(run: str) -> dict[str, object]:
    """Names and values of all that the newest state holds but the time it took."""
    from modality_translate.training.checkpoint import load_state
    from modality_translate.training.packing import pack

    state, notes = load_state(Path(run) / "state")
    assert notes == []
    del state["elapsed"]
    structure, tensors = pack(state)
    return {"structure": structure} | {name: tensor.tolist() for name, tensor in tensors.items()}


def test_a_killed_training_resumed_ends_as_if_it_had_never_been_killed():
    steps = {"steps": 30, "checkpoint_every": 2, "validate_every": 30, "accumulate": 2}
    settings = [*SETTINGS, *(word for key, n in steps.items() for word in ("--set", f"training.{key}={n}"))]
    settings += ["--set", "generator.dropout=0.1"]
    train(*FOLDERS, "-o", "whole", *settings)
    words = [sys.executable, "-m", "modality_translate", "train", *FOLDERS, "-o", "killed", *settings]
    process = subprocess.Popen([*words, "-d", "cpu", "--threads", "1"], stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(Path("killed").glob("state/*.sha256"))) < 2:
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert train("-o", "killed", "--resume").return_value == 0
    assert state_of("killed") == state_of("whole")


def start_two(*arguments: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "modality_translate", "train", *arguments, "-d", "cpu", "--devices", "2"]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def children(process: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the workers as Linux lists them")
def test_a_killed_worker_ends_the_run_and_two_processes_resume_it():
    from modality_translate.training.checkpoint import load_state

    steps = ["--set", "training.checkpoint_every=1", "--set", "training.validate_every=100000"]
    process = start_two(*FOLDERS, "-o", "run", *SETTINGS, *steps, "--set", "training.steps=100000")
    while process.poll() is None and not list(Path("run").glob("state/*.sha256")):
        time.sleep(0.05)
    os.kill(children(process.pid)[1], signal.SIGKILL)
    _, told = process.communicate()
    assert process.returncode == 1
    last = told.splitlines()[-1]
    assert last.startswith("Error: process 1 of 2: was killed (SIGKILL), which ended the training.")
    assert last.endswith("go on with: mtranslate train -o run --resume --devices 2")
    assert "Traceback" not in told

    state, notes = load_state(Path("run/state"))
    assert notes == []
    until = ["--set", f"training.steps={state['step'] + 2}"]
    resumed = start_two("-o", "run", "--resume", *until)
    shown, told = resumed.communicate()
    assert resumed.returncode == 0, told
    assert shown.count("Run folder: run") == 1
    assert load_state(Path("run/state"))[0]["step"] == state["step"] + 2


def test_a_batch_that_cannot_be_shared_leaves_no_run_behind():
    process = start_two(*FOLDERS, "-o", "run", *SETTINGS, "--set", "training.batch=3")
    _, told = process.communicate()
    assert process.returncode == 2
    assert told.count("3 patches cannot be shared by 2 processes in 1 parts") == 1
    assert not Path("run").exists()
