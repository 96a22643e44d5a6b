"""`mtranslate plan`: what a training on two folders would do and why, as a recipe to edit, without training."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from modality_translate.cli import options
from modality_translate.cli.extras import needs_extra

OUTPUT = options.NamedPath(dir_okay=False)


@click.command("plan")
@options.folders
@click.option("-o", "--output", type=OUTPUT, callback=options.ending(".toml"), required=True,
              help="Recipe to write (.toml).")  # fmt: skip
@click.option("--json", "json_path", type=OUTPUT, help="Write fingerprint, decisions and reasons to this file.")
@options.device
@options.overwrite
@options.quiet
def command(
    source: str | None,
    target: str | None,
    source_modality: str | None,
    target_modality: str | None,
    unpaired: bool,
    overrides: tuple[str, ...],
    output: Path,
    json_path: Path | None,
    device: str,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Measure two folders and plan a training on them for this machine; writes a recipe with each reason as a comment.

    All headers are read, and the voxels of at most 12 cases. From their fingerprint follow voxel size, slices or
    volumes, patch, batch, scaling, network, objective, steps and augmentation. What you give with --from, --to,
    --unpaired and --set stands, and the rest is planned around it. mtranslate train -a -b makes the same plan.

    Example: mtranslate plan -a data/mr -b data/ct -o recipe.toml
    """
    from modality_translate.cli.plan_table import lines
    from modality_translate.cli.train_recipe import Choice, moved, planned
    from modality_translate.evaluation.artefacts import check_writable, write_text

    with needs_extra("train", "mtranslate plan"):
        from modality_translate.training.planned import plan_json, recipe_toml
    for path in (output, json_path):
        if path is not None:
            check_writable(path, overwrite=overwrite)
    choice = Choice(None, source, target, source_modality, target_modality, unpaired, overrides, device)
    with needs_extra("train", "mtranslate plan"):
        plan = planned(choice, None if quiet else _told)
        _check(plan.recipe)
    recipe = moved(plan.recipe, Path(), output.parent)
    write_text(output, recipe_toml(recipe, plan.as_dict()), overwrite=overwrite)
    if json_path is not None:
        write_text(json_path, plan_json(plan), overwrite=overwrite)
    click.echo("\n".join(lines(plan)))
    click.echo(f"Next: mtranslate train {shlex.quote(str(output))} -o RUN")


def _check(recipe: Any) -> None:
    """Raise `RecipeError` for what a training would refuse: unknown kinds, sizes that do not fit, no case left."""
    from modality_translate.data.split import split
    from modality_translate.data.subjects import find_cases
    from modality_translate.objectives import build_objective
    from modality_translate.training.device import open_fabric

    split(find_cases(recipe.data, Path()).cases, recipe)
    build_objective(recipe, open_fabric("cpu", "32"))


def _told(done: int, total: int) -> None:
    click.echo(f"read {done} of {total}", err=True)
