"""One training in progress: its state, its run folder, and what is written there when."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from importlib import metadata

from lightning_fabric import Fabric

from modality_translate.data.registration import Registrar
from modality_translate.data.split import Split
from modality_translate.data.store import Store, build_store
from modality_translate.errors import MissingExtraError
from modality_translate.objectives import build_objective
from modality_translate.recipe import Recipe
from modality_translate.training.batches import Named, batches
from modality_translate.training.checkpoint import load_state, save_state
from modality_translate.training.continuity import check_continues
from modality_translate.training.curves import write_curves
from modality_translate.training.diagnosis import DIAGNOSIS, write_diagnosis
from modality_translate.training.group import leaders
from modality_translate.training.history import History, Row
from modality_translate.training.randomness import seed_everything
from modality_translate.training.reporter import Reporter, Status
from modality_translate.training.run import FORWARD, RunFolder
from modality_translate.training.state import State
from modality_translate.training.tracking import Tracking
from modality_translate.training.validation import Direction, Translated, accuracy, validate, write_preview

ROWS, LARGEST_INTERVAL = 200, 50
"""metrics.csv gets about 200 rows, or one every 50 steps."""
REPORT_SECONDS = 0.5
TOOLKITS = ("modality-translate", "torch", "monai", "kornia", "lightning-fabric", "numpy", "scipy")


@dataclass(frozen=True)
class Job:
    """What to train, where to keep it, on what, and whom to tell."""

    recipe: Recipe
    """Complete: its voxel size is filled in."""
    split: Split
    run: RunFolder
    fabric: Fabric
    reporter: Reporter

    @property
    def at_once(self) -> int:
        """Patches that one device computes at a time."""
        return max(1, self.recipe.training.at_once // self.fabric.world_size)


class Session:
    """A training between its first and its last step. Starts fresh, or from the newest saved state.

    Of several processes the first writes and validates; the others wait where they need to.
    """

    def __init__(self, job: Job, *, resume: bool = False) -> None:
        self.job = job
        self.run = job.run
        check_continues(job.recipe, job.split, job.run)
        seed_everything(job.recipe.seed)
        agree = partial(leaders, fabric=job.fabric)
        self.state = State(build_objective(job.recipe, job.fabric), job.recipe.training, agree)
        if resume:
            self._load()
        self.leads = job.fabric.is_global_zero
        wanted = job.recipe.training.tensorboard and self.leads
        self.tracking = Tracking(job.run.path / "tensorboard", self.state.step) if wanted else None
        with job.fabric.rank_zero_first():
            self.store = None if self.state.finished else _open_store(job, list(self.state.averages))
        self.history = History(job.run.metrics_file, self.state.step) if self.leads else None
        self.log_every = min(LARGEST_INTERVAL, max(1, job.recipe.training.steps // ROWS))
        self._validated = False
        self._scores: Row = {}
        self._pictures = True
        self._began = self._told = time.monotonic()
        self._first = self.state.step

    def batches(self) -> Generator[Named, None, None]:
        """The batches from the state's step on."""
        assert self.store is not None, "a finished training has no more batches"
        return batches(self.store, self.job.recipe, self.job.fabric, self.state.step)

    def add(self, losses: dict[str, float]) -> None:
        """Take the losses of a step into the next row, and tell the reporter now and then."""
        if self.history is None:
            return
        self.history.add(losses)
        if time.monotonic() - self._told > REPORT_SECONDS:
            self._told = time.monotonic()
            self.job.reporter.trained(self._status())

    def validate(self) -> None:
        """Score every direction on whole volumes; its averaged weights become the run's if `keep` says so."""
        with self.job.fabric.rank_zero_first():
            if self.leads:
                self._validate()

    def _validate(self) -> None:
        self._validated = True
        for name, average in self.state.averages.items():
            way = Direction.of(self.job.recipe, name, self.job.split.validation)
            if not way.cases:
                self.run.write_averaged(average.average, name, self.state.step)
                continue
            evaluation, spread = validate(way, average.average, self.job.at_once, self._show)
            prefix = "validation" if name == FORWARD else f"validation_{name}"
            self._scores |= {f"{prefix}.{metric}": mean for metric, mean in evaluation.means.items()}
            self._scores[f"{prefix}.spread"] = spread
            best = self.state.improves(name, evaluation.means["mae"])
            if best or self.job.recipe.training.keep == "last":
                self.run.write_averaged(average.average, name, self.state.step)
                self.run.write_accuracy(accuracy(evaluation), name)
            scores = "  ".join(f"{metric} {mean:.4g}" for metric, mean in evaluation.means.items())
            self.job.reporter.say(f"step {self.state.step}: {name} {scores}{'  (lowest MAE so far)' if best else ''}")

    def log(self, rate: float) -> None:
        """A row of metrics.csv: mean losses since the last one; after a validation its scores, curves, diagnosis."""
        if self.history is None:
            return
        self.job.reporter.logged(self._status())
        row = {"step": self.state.step, "elapsed": self.state.clock.elapsed, "rate": rate}
        row = self.history.write(row | self._scores)
        if self.tracking:
            self.tracking.write(row)
        if self._validated:
            write_diagnosis(self.run.path / DIAGNOSIS, self.history.rows)
            self._picture(lambda: write_curves(self.run.curves_file, self.history.rows, self.job.recipe.name))
        self._validated, self._scores = False, {}

    def save(self) -> None:
        """The full state to resume from, and the generators' raw weights."""
        if not self.leads:
            return
        save_state(self.run.states, self.state.step, self.state.state_dict())
        for name, generator in self.state.objective.generators.items():
            self.run.write_raw(generator, name, self.state.step)

    def _load(self) -> None:
        if not (any(self.run.states.glob("*")) or self.run.directions()):
            self.job.reporter.say("Nothing was saved yet; the training starts from its beginning.")
            return
        state, notes = load_state(self.run.states)
        for note in notes:
            self.job.reporter.say(note)
        self.state.load_state_dict(state)

    def _show(self, case: Translated, way: Direction) -> None:
        path = self.run.preview_file(self.state.step, way.name)
        self._picture(lambda: write_preview(case, way.spec, path))

    def _picture(self, draw: Callable[[], None]) -> None:
        """Pictures are welcome but not needed: without matplotlib this is said once."""
        if not self._pictures:
            return
        try:
            draw()
        except MissingExtraError as error:
            self._pictures = False
            self.job.reporter.say(str(error))

    def _status(self) -> Status:
        clock, now = self.state.clock, time.monotonic()
        progress = clock.progress(self.state.step)
        left = clock.elapsed * (1.0 - progress) / progress if progress else 0.0
        speed = (self.state.step - self._first) / max(now - self._began, 1e-9)
        return Status(self.state.step, self.job.recipe.training.steps, self.history.means(), speed, max(left, 0.0))


def _open_store(job: Job, directions: list[str]) -> Store:
    """The prepared volumes; on the first call for a run also its specs and splits.json."""
    names, before = job.split.names(), job.run.splits()
    forward, backward = job.recipe.spec(), job.recipe.spec(backward=True)
    registrar = Registrar(job.reporter.say, job.fabric.device) if job.recipe.data.registration == "elastic" else None
    store = build_store(job.split.train, forward, backward, job.run.cache, job.reporter.prepared, registrar)
    if before is None:
        seen = (store.source_envelope, store.source_level), (store.target_envelope, store.target_level)
        for direction, spec, (envelope, level) in zip(directions, (forward, backward), seen, strict=False):
            skip = level if job.recipe.geometry.skip_air else None
            tiling = spec.tiling.model_copy(update={"skip_below": skip})
            update = {"envelope": envelope, "tiling": tiling, "versions": _versions()}
            job.run.write_spec(spec.model_copy(update=update), direction)
        job.run.write_splits(names)
    return store


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in TOOLKITS}
