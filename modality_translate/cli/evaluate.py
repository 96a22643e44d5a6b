"""`mtranslate evaluate`: score synthetic volumes against real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from modality_translate.cli import options
from modality_translate.cli.extras import needs_extra
from modality_translate.errors import TranslationError

SOME_FAILED = 8

EXISTING = options.NamedPath(exists=True)
OUTPUT = options.NamedPath(dir_okay=False)


@click.command("evaluate")
@click.option("-p", "--predicted", required=True, type=EXISTING, help="Synthetic volume, or a folder of them.")
@click.option("-r", "--reference", required=True, type=EXISTING, help="Real volume, or a folder with the same names.")
@click.option("-x", "--mask", type=EXISTING, help="Where to score (above 0): file or folder; the body when left out.")
@click.option("--modality", type=click.Choice(["CT", "MR", "PET"]), help="Of the target; only CT is found by itself.")
@click.option("--protocol", type=click.Choice(["synthrad2025", "synthrad2023"]), default="synthrad2025",
              show_default=True, help="Whose definitions of PSNR and structural similarity.")  # fmt: skip
@click.option("--json", "json_path", type=OUTPUT, help="Write every figure to this file.")
@click.option("--html", "html_path", type=OUTPUT, help="Write a report with pictures to this file.")
@options.overwrite
@options.quiet
def command(
    predicted: Path,
    reference: Path,
    mask: Path | None,
    modality: Literal["CT", "MR", "PET"] | None,
    protocol: Literal["synthrad2025", "synthrad2023"],
    json_path: Path | None,
    html_path: Path | None,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Score synthetic volumes against real ones of the same patients, on the same grid.

    Cases are matched by their path below the two folders. A reference MR is rescaled to the units of synthetic MR.
    Exit codes: 0 all scored, 1 failed, 3 nothing to score, 8 some cases could not be scored.

    Example: mtranslate evaluate -p synthetic/ -r ct/ --html report.html
    """
    from modality_translate.evaluation.artefacts import check_writable, write_text
    from modality_translate.evaluation.figures import cohort_report
    from modality_translate.evaluation.matching import match
    from modality_translate.evaluation.report import write_report
    from modality_translate.evaluation.scoring import guess_target, score_matches

    for path in filter(None, (json_path, html_path)):
        check_writable(path, overwrite=overwrite)
    if html_path:
        with needs_extra("report", "evaluate --html"):
            import jinja2  # noqa: F401
            import matplotlib  # noqa: F401
    matches = match(predicted, reference, mask)
    watch = None if quiet else (lambda done, total: click.echo(f"scored {done} of {total}", err=True))
    evaluation = score_matches(matches, modality or guess_target(matches), protocol, watch)
    click.echo(evaluation.table())
    if json_path:
        write_text(json_path, evaluation.to_json() + "\n", overwrite=overwrite)
    if html_path:
        write_report(html_path, cohort_report(evaluation, matches), overwrite=overwrite)
    if not evaluation.cases:
        raise TranslationError(predicted.name, "no case could be scored.", "The reasons stand above.")
    return SOME_FAILED if evaluation.failures else 0
