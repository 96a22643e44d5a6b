"""`mtranslate inspect`: what a volume, a model (and whether it is valid), a run or a recipe is. Never imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modality_translate.cli import options
from modality_translate.errors import NothingToDoError, RunError, TranslationError
from modality_translate.printable import plain


@click.command("inspect")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=options.NamedPath())
@click.option("--validate", is_flag=True, help="Check model files against their specification, with one verdict per "
              "check; the self-test runs in a process of its own.")  # fmt: skip
@options.as_json
def command(paths: tuple[Path, ...], validate: bool, as_json: bool) -> int:
    """Say what PATH is: a volume, a model (.onnx, or the name of a shipped one), a run folder or a recipe (.toml).

    Volumes and models are read completely, so that damage is found. Several paths give a JSON list, and one that
    cannot be read stands in it with its reason; the exit code is its. With --validate, 4 says that a model failed.

    Example: mtranslate inspect mr-to-ct.onnx
    """
    import json

    if validate:
        from modality_translate.cli.validation import validated

        return validated(paths, as_json)
    if len(paths) == 1:
        found, exit_codes = [_describe(paths[0])], [0]
    else:
        found, exit_codes = map(list, zip(*map(_described_or_why_not, paths), strict=True))
    if as_json:
        click.echo(json.dumps(found if len(found) > 1 else found[0], indent=1))
    else:
        click.echo("\n\n".join("\n".join(_lines(description)) for description in found))
    return max(exit_codes)


def _described_or_why_not(path: Path) -> tuple[dict[str, Any], int]:
    """What `path` is, or why that cannot be said, and the exit code."""
    try:
        return {"path": str(path), **_describe(path)}, 0
    except TranslationError as error:
        return {
            "path": str(path),
            "kind": "unreadable",
            "reason": error.reason,
            "remedy": error.remedy,
        }, error.exit_code


def _describe(path: Path) -> dict[str, Any]:
    from modality_translate.runtime.shipped import located

    path = located(path)
    if not path.exists():
        raise NothingToDoError(path, "there is no such file or folder.")
    if path.is_dir():
        return _run(path)
    by_suffix = {".onnx": _model, ".toml": _recipe}
    return by_suffix.get(path.suffix.lower(), _volume)(path)


def _volume(path: Path) -> dict[str, Any]:
    from modality_translate.intensities.foreground import guess_modality
    from modality_translate.volumes import read_header, read_volume

    header = read_header(path)
    found: dict[str, Any] = {
        "kind": "volume",
        "shape": list(header.grid.shape),
        "frames": header.frames,
        "spacing_mm": [round(s, 4) for s in header.grid.spacing],
        "extent_mm": [round(e, 2) for e in header.grid.extent],
        "orientation": header.grid.orientation,
        "affine": [[round(float(v), 5) for v in row] for row in header.grid.affine],
        "stored_as": header.dtype,
    }
    volume = read_volume(path, frame=0 if header.frames > 1 else None)
    found["range"] = [float(volume.array.min()), float(volume.array.max())]
    found["mean"] = float(volume.array.mean(dtype="float64"))
    found["modality"] = guess_modality(volume.array) or "not CT (MR and PET cannot be told apart)"
    found["notes"] = list(volume.notes)
    return found


def _model(path: Path) -> dict[str, Any]:
    from modality_translate.runtime.model_file import read_model

    model = read_model(path)
    return {
        "kind": "model",
        "name": model.spec.name,
        "sha256": model.sha256,
        "intact": True,
        "bytes": len(model.data),
        "author": model.author,
        "license": model.licence,
        "spec": model.spec.model_dump(mode="json"),
        "card": model.card,
    }


def _recipe(path: Path) -> dict[str, Any]:
    from modality_translate.recipe import read_recipe

    return {"kind": "recipe", **read_recipe(path).model_dump(mode="json")}


def _run(path: Path) -> dict[str, Any]:
    """A run folder by its text files alone."""
    from modality_translate.pipeline.spec import Spec
    from modality_translate.recipe import read_recipe

    if not (path / "recipe.toml").is_file():
        raise RunError(path, "is no run folder (it has no recipe.toml).", "Give a volume, a model, a run or a recipe.")
    recipe = read_recipe(path / "recipe.toml")
    rows = _metrics(path / "metrics.csv")
    found: dict[str, Any] = {
        "kind": "run",
        "name": recipe.name,
        "direction": f"{recipe.source.modality} to {recipe.target.modality}",
        "objective": recipe.objective.kind,
        "steps": recipe.training.steps,
        "weights": "present" if (path / "averaged.safetensors").is_file() else "none yet",
        "validations": len(rows),
    }
    if rows:
        found["last"] = rows[-1]
    if (path / "spec.json").is_file():
        try:
            spec = Spec.model_validate_json((path / "spec.json").read_bytes())
        except ValueError as error:
            raise RunError(path / "spec.json", "cannot be read.", "The run folder is damaged; train again.") from error
        found["accuracy"], found["spacing_mm"] = spec.accuracy, spec.spacing
    return found


def _metrics(path: Path) -> list[dict[str, str]]:
    import csv

    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as stream:
        return list(csv.DictReader(stream))


def _lines(value: Any, indent: str = "") -> list[str]:
    """Nested values as indented text, one per line."""
    lines: list[str] = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines += [f"{indent}{plain(key)}", *_lines(item, indent + "  ")]
        elif isinstance(item, str) and "\n" in item:
            lines += [f"{indent}{key}", *(f"{indent}  {plain(line)}" for line in item.splitlines())]
        else:
            lines.append(f"{indent}{plain(key)}: {plain(_text(item))}")
    return lines


def _text(item: Any) -> str:
    if isinstance(item, float):
        return f"{item:.6g}"
    if isinstance(item, list | tuple):
        nested = any(isinstance(part, list | tuple) for part in item)
        return ("; " if nested else ", ").join(_text(part) for part in item) or "none"
    return "not set" if item is None else str(item)
