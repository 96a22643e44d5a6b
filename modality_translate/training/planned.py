"""A plan on paper: plan.json for machines, and the recipe with each reason as a comment for people."""

from __future__ import annotations

import json
from typing import Any

from modality_translate.data.decision import Decision
from modality_translate.data.plan import Plan, comments
from modality_translate.recipe import Recipe
from modality_translate.training.toml import to_toml

HEAD = "Planned by mtranslate from the volumes; the reasons stand above the fields. Edit what you know better, and run:"
RUN_LINE = "  mtranslate train THIS_FILE -o RUN"


def plan_json(plan: Plan) -> str:
    """Fingerprint, machine, decisions with reasons, warnings."""
    return json.dumps(plan.as_dict(), indent=1, ensure_ascii=False) + "\n"


def recipe_toml(recipe: Recipe, plan: dict[str, Any] | None) -> str:
    """`recipe` as TOML, with the reasons of `plan` (the content of plan.json) as comments.

    Raises `KeyError` or `TypeError` for a plan that is damaged.
    """
    values = recipe.model_dump(mode="json")
    if plan is None:
        return to_toml(values)
    decisions = [Decision(**decision) for decision in plan["decisions"]]
    head = "\n".join([HEAD, RUN_LINE, *(f"Warning: {warning}" for warning in plan["warnings"])])
    return to_toml(values, {"": head, **comments(recipe, decisions)})
