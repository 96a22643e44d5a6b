"""A run folder: everything one training leaves behind, in forms a person can read. No path, host or user gets in."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from modality_translate.data.plan import Plan
from modality_translate.errors import RecipeError, RunError
from modality_translate.pipeline.spec import Spec
from modality_translate.recipe import Recipe, recipe_from
from modality_translate.training.files import write_bytes, write_text
from modality_translate.training.history import Row, read_rows
from modality_translate.training.planned import plan_json, recipe_toml

FORWARD, BACKWARD = "forward", "backward"


class RunFolder:
    """Reads and writes `path`; `direction` is "forward", or "backward" where the objective trains both.

    Files: recipe.toml (every setting), plan.json (two folders: their figures, and what was decided why), spec.json,
    splits.json, metrics.csv, losses.svg, previews/, averaged.safetensors (averaged weights of the validation that is
    kept), raw.safetensors (last weights as trained), diagnosis.json, held_out.json, held_out/, state/ (to resume from),
    tensorboard/ if asked for and, while training, cache/.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe_file = path / "recipe.toml"
        self.plan_file = path / "plan.json"
        self.splits_file = path / "splits.json"
        self.metrics_file = path / "metrics.csv"
        self.curves_file = path / "losses.svg"
        self.held_out_file = path / "held_out.json"
        self.states = path / "state"
        self.cache = path / "cache"

    def recipe(self) -> Recipe:
        """The resolved recipe. Raises `RunError` if it is missing or damaged."""
        try:
            return recipe_from(tomllib.loads(self._text(self.recipe_file)), self.recipe_file.name)
        except (tomllib.TOMLDecodeError, RecipeError) as error:
            raise self._damaged(self.recipe_file, error) from error

    def spec(self, direction: str = FORWARD) -> Spec:
        """The model's contract, with envelope and accuracy. Raises `RunError` if it is missing or damaged."""
        file = self._named("spec", direction, ".json")
        try:
            return Spec.model_validate_json(self._text(file))
        except ValidationError as error:
            raise self._damaged(file, error) from error

    def has_spec(self, direction: str) -> bool:
        return self._named("spec", direction, ".json").is_file()

    def weights(self, direction: str = FORWARD) -> dict[str, Tensor]:
        """The averaged weights that are kept. Raises `RunError` if there are none yet or they are damaged."""
        file = self.weights_file(direction)
        if not file.is_file():
            known = ", ".join(self.directions()) or "none yet"
            raise RunError(self.path, f"has no weights for {direction} ({known}).", "Train until the first validation.")
        try:
            tensors: dict[str, Tensor] = load_file(file)
        except (OSError, SafetensorError) as error:
            raise self._damaged(file, error) from error
        return tensors

    def directions(self) -> list[str]:
        """The directions that have weights."""
        return [name for name in (FORWARD, BACKWARD) if self.weights_file(name).is_file()]

    def splits(self) -> dict[str, list[str]] | None:
        """Case names by role; none before training began."""
        if not self.splits_file.is_file():
            return None
        names: dict[str, list[str]] = json.loads(self._text(self.splits_file))
        return names

    def metrics(self) -> list[Row]:
        """The rows of metrics.csv."""
        return read_rows(self.metrics_file)

    def held_out_scores(self) -> dict[str, Any]:
        """held_out.json: by direction the evaluation of the held-out cases; empty without any."""
        if not self.held_out_file.is_file():
            return {}
        scores: dict[str, Any] = json.loads(self._text(self.held_out_file))
        return scores

    def drop_cache(self) -> None:
        """Remove the prepared volumes; they are made again when needed."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def weights_file(self, direction: str) -> Path:
        return self._named("averaged", direction, ".safetensors")

    def preview_file(self, step: int, direction: str) -> Path:
        return self._named(f"previews/step-{step:06d}", direction, ".png")

    def held_out(self, direction: str) -> Path:
        """The folder of translated held-out cases."""
        return self._named("held_out", direction, "")

    def write_plan(self, plan: Plan) -> None:
        write_text(self.plan_file, plan_json(plan))

    def write_recipe(self, recipe: Recipe) -> None:
        """Every setting; where there is a plan, each reason as a comment. Raises `RunError` for a damaged plan.json."""
        try:
            plan = json.loads(self._text(self.plan_file)) if self.plan_file.is_file() else None
            text = recipe_toml(recipe, plan)
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(self.plan_file, error) from error
        write_text(self.recipe_file, text)

    def withdraw(self) -> None:
        """Remove recipe.toml and plan.json, so that another recipe may start here; a phantom stays."""
        for file in (self.recipe_file, self.plan_file):
            file.unlink(missing_ok=True)

    def write_spec(self, spec: Spec, direction: str) -> None:
        write_text(self._named("spec", direction, ".json"), spec.model_dump_json(indent=2) + "\n")

    def write_accuracy(self, accuracy: dict[str, float], direction: str) -> None:
        self.write_spec(self.spec(direction).model_copy(update={"accuracy": accuracy}), direction)

    def write_splits(self, names: dict[str, list[str]]) -> None:
        write_text(self.splits_file, json.dumps(names, indent=2, ensure_ascii=False) + "\n")

    def write_averaged(self, module: nn.Module, direction: str, step: int) -> None:
        _save_weights(self.weights_file(direction), module, step)

    def write_raw(self, module: nn.Module, direction: str, step: int) -> None:
        _save_weights(self._named("raw", direction, ".safetensors"), module, step)

    def _named(self, name: str, direction: str, suffix: str) -> Path:
        return self.path / (name + ("" if direction == FORWARD else f"_{direction}") + suffix)

    def _text(self, file: Path) -> str:
        try:
            return file.read_text("utf-8")
        except (FileNotFoundError, NotADirectoryError):
            raise RunError(
                self.path, f"there is no {file.name}: not the folder of a training.", "Give the folder of train -o."
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise self._damaged(file, error) from error

    def _damaged(self, file: Path, error: Any) -> RunError:
        return RunError(self.path, f"{file.name} is damaged ({error}).", "Restore the file, or train again.")


def _save_weights(path: Path, module: nn.Module, step: int) -> None:
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in module.state_dict().items()}
    write_bytes(path, save(tensors, {"step": str(step)}))
