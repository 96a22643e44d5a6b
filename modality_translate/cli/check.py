"""`mtranslate check`: whether two folders, or a recipe, hold usable pairs. Never imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modality_translate.cli import options
from modality_translate.errors import RecipeError

SOME_NOT_OK = 8
OUTPUT = options.NamedPath(dir_okay=False)


@click.command("check")
@click.argument("recipe", type=options.NamedPath(), required=False)
@click.option("-a", "--source", help='Folder of source volumes, or a pattern such as "data/*/mr.nii.gz".')
@click.option("-b", "--target", help="Folder or pattern of target volumes; cases are matched by name.")
@click.option("--pairs", help="CSV with the columns case,source,target (paths relative to it), in place of -a and -b.")
@click.option("--from", "source_modality", type=options.MODALITIES, help="Modality of -a, where names do not tell.")
@click.option("--to", "target_modality", type=options.MODALITIES, help="Modality of -b, where names do not tell.")
@click.option("--unpaired", is_flag=True, help="Sources and targets show different patients.")
@click.option("--json", "json_path", type=OUTPUT, help="Write every figure to this file.")
@options.overwrite
@options.quiet
def command(
    recipe: Path | None,
    source: str | None,
    target: str | None,
    pairs: str | None,
    source_modality: str | None,
    target_modality: str | None,
    unpaired: bool,
    json_path: Path | None,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Say whether RECIPE (.toml), or two folders given with -a and -b, hold volumes that training can use.

    Each pair is read, and its grids, overlap, units and misalignment are judged; all are compared for duplicates and,
    with a recipe, for patients on both sides of its split. Verdicts: ok; loose (a few mm apart: train with
    data.registration=elastic); bad (far apart, no overlap, another patient, a duplicate); error (unreadable, wrong
    units). Alignment with PET is shown, not judged.

    Exit codes: 0 all ok, 1 names do not match, 2 wrong options, 3 nothing found, 8 some cases are not ok.

    Example: mtranslate check -a data/mr -b data/ct --from MR --to CT
    """
    import json

    from modality_translate.cli.check_table import lines
    from modality_translate.data.check import check_cases
    from modality_translate.data.subjects import find_cases
    from modality_translate.evaluation.artefacts import check_writable, write_text

    if json_path is not None:
        check_writable(json_path, overwrite=overwrite)
    given = {"source": source, "target": target, "pairs": pairs}
    modalities: Any = source_modality, target_modality
    settings = None
    if recipe is None:
        data, base = _data(given, unpaired=unpaired), Path()
    elif any((*given.values(), *modalities, unpaired)):
        raise click.UsageError("Give a RECIPE, or two folders with -a and -b, not both.")
    else:
        settings = _recipe(recipe)
        data, base = settings.data, recipe.parent
        modalities = settings.source.modality, settings.target.modality
    found = find_cases(data, base)
    roles = _roles(found.cases, settings) if settings is not None else {}
    watch = None if quiet else (lambda done, total: click.echo(f"checked {done} of {total}", err=True))
    report = check_cases(found.cases, modalities, roles, watch)
    click.echo("\n".join(lines(report, found.notes)))
    if json_path is not None:
        write_text(json_path, json.dumps(report.as_dict(), indent=1) + "\n", overwrite=overwrite)
    return SOME_NOT_OK if report.named("loose", "bad", "error") else 0


def _data(given: dict[str, str | None], *, unpaired: bool) -> Any:
    from modality_translate.recipe import Data

    if given["pairs"] and (given["source"] or given["target"]):
        raise click.UsageError("--pairs names the files itself; leave -a and -b out.")
    if not given["pairs"] and not (given["source"] and given["target"]):
        raise click.UsageError("Give a RECIPE, two folders with -a and -b, or --pairs.")
    return Data(paired=not unpaired, **{key: value for key, value in given.items() if value})


def _recipe(path: Path) -> Any:
    from modality_translate.recipe import read_recipe

    recipe = read_recipe(path)
    if recipe.data.phantom is not None:
        raise RecipeError(path, "makes its own volumes ([data.phantom]).", "Check a recipe with folders.")
    return recipe


def _roles(cases: Any, recipe: Any) -> dict[str, str]:
    from modality_translate.data.check import roles_of
    from modality_translate.data.split import split

    return roles_of(split(cases, recipe).names())
