"""`mtranslate inspect --validate`: one table per model file, or one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from modality_translate.errors import ModelError
from modality_translate.printable import plain


def validated(paths: Sequence[Path], as_json: bool) -> int:
    """Print the verdicts on every file; the exit code is 4 when a check failed."""
    import json

    from modality_translate.runtime.validate import validate

    verdicts = {str(path): validate(path) for path in paths}
    if as_json:
        click.echo(json.dumps([_document(path, found) for path, found in verdicts.items()], indent=1))
    else:
        click.echo("\n\n".join(_table(path, found) for path, found in verdicts.items()))
    return 0 if all(_valid(found) for found in verdicts.values()) else ModelError.exit_code


def _valid(verdicts: Sequence[Any]) -> bool:
    return all(verdict.result == "passed" for verdict in verdicts)


def _document(path: str, verdicts: Sequence[Any]) -> dict[str, object]:
    checks = [{"check": v.check, "result": v.result, "reason": v.reason} for v in verdicts]
    return {"file": path, "valid": _valid(verdicts), "checks": checks}


def _table(path: str, verdicts: Sequence[Any]) -> str:
    head = f"{plain(path)}: {'valid' if _valid(verdicts) else 'NOT VALID'}"
    width = max(len(verdict.check) for verdict in verdicts)
    rows = (f"  {v.check:<{width}}  {v.result:<11}  {plain(v.reason)}".rstrip() for v in verdicts)
    return "\n".join([head, *rows])
