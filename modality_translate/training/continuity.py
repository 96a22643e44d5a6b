"""Whether a run may go on with a recipe: its cases, scalings and geometry must be those it was started with."""

from __future__ import annotations

from typing import Any

from modality_translate.data.split import Split
from modality_translate.errors import RunError
from modality_translate.pipeline.spec import Spec
from modality_translate.recipe import Recipe
from modality_translate.training.run import BACKWARD, FORWARD, RunFolder


def check_continues(recipe: Recipe, split: Split, run: RunFolder) -> None:
    """Raise `RunError` for a run that was started with other cases, or whose spec.json does not fit `recipe`."""
    before = run.splits()
    if before is None:
        return
    if before != split.names():
        raise RunError(run.path, "its volumes are not those it was started with.", "Start a new run.")
    for direction in (FORWARD, BACKWARD):
        if run.has_spec(direction):
            was, now = _seen(run.spec(direction)), _seen(recipe.spec(backward=direction == BACKWARD))
            if changed := [name for name in was if was[name] != now[name]]:
                reason = f"was started with another {' and '.join(changed)} (see its spec.json)."
                raise RunError(run.path, reason, "Start a new run.")


def _seen(spec: Spec) -> dict[str, Any]:
    """What the networks see, by its name in the spec. Where air is skipped is measured, not asked for."""
    tiling = spec.tiling.model_copy(update={"skip_below": None})
    return {"source": spec.source, "target": spec.target, "spacing": spec.spacing, "tiling": tiling}
