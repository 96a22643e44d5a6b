"""Which of the recipe's weights an objective listens to."""

from __future__ import annotations

from modality_translate import recipe
from modality_translate.errors import RecipeError


def check_settings(settings: recipe.Objective, used: tuple[str, ...]) -> None:
    """Raise `RecipeError` for a weight that was changed but that this objective has no term for."""
    for name, field in recipe.Objective.model_fields.items():
        given = getattr(settings, name)
        if name not in ("kind", *used) and given and given != field.default:
            reason = f"{settings.kind} has no such term; it has {', '.join(used)}."
            raise RecipeError(f"objective.{name}", reason, "Leave it out, or choose another objective.kind.")
