"""What an objective asks of its recipe."""

from __future__ import annotations

from modality_translate import recipe
from modality_translate.errors import RecipeError
from modality_translate.recipe import Recipe


def check_settings(settings: recipe.Objective, used: tuple[str, ...]) -> None:
    """Raise `RecipeError` for a weight that was changed but that this objective has no term for."""
    for name, field in recipe.Objective.model_fields.items():
        given = getattr(settings, name)
        if name not in ("kind", *used) and given and given != field.default:
            reason = f"{settings.kind} has no such term; it has {', '.join(used)}."
            raise RecipeError(f"objective.{name}", reason, "Leave it out, or choose another objective.kind.")


def check_any(settings: recipe.Objective, needed: tuple[str, ...], why: str) -> None:
    """Raise `RecipeError` unless one of the `needed` weights is above 0; `why` follows "or" in the reason."""
    if not any(getattr(settings, name) for name in needed):
        *others, last = needed
        names = f"one of {', '.join(others)} and {last}" if others else last
        raise RecipeError("objective", f"{settings.kind} needs a weight above 0 for {names}, or {why}.")


def check_paired(recipe: Recipe) -> None:
    """Raise `RecipeError` for data without pairs."""
    if not recipe.data.paired:
        raise RecipeError(
            "objective.kind",
            f"{recipe.objective.kind} compares with the target voxel by voxel, but data.paired is false.",
            'Choose objective.kind = "cyclegan" or "cut".',
        )


def check_no_halo(recipe: Recipe) -> None:
    """Raise `RecipeError` for patches whose translation is smaller than they are, so that no network can take it."""
    if any(recipe.geometry.tiling().halo):
        raise RecipeError(
            "geometry.context",
            f"{recipe.objective.kind} feeds each output back in, "
            f"but a stack of {recipe.geometry.context} slices gives only one.",
            "Set context = 1, or dims = 3.",
        )
