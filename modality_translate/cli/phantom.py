"""`mtranslate phantom`: a cohort of simulated heads."""

from __future__ import annotations

from pathlib import Path

import click

from modality_translate.cli import options


@click.command(name="phantom")
@click.option("-o", "--output", "folder", type=options.NamedPath(), required=True, help="Folder to write.")
@click.option("-n", "--subjects", type=click.IntRange(min=1), default=8, show_default=True, help="Number of subjects.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--spacing", type=click.FloatRange(0.5, 8), default=2.0, show_default=True, help="Isotropic voxel size in mm."
)
@click.option(
    "--misalign",
    type=click.Choice(["none", "rigid", "elastic"]),
    default="none",
    show_default=True,
    help="Move the MR side: rigid by 1 to 3 mm, elastic by 1 to 5 mm; the true field is saved.",
)
@click.option("--unpaired", is_flag=True, help="Take MR, CT and PET from different subjects.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier cohort in the folder.")
def command(
    folder: Path, subjects: int, seed: int, spacing: float, misalign: str, unpaired: bool, overwrite: bool
) -> None:
    """Make paired MR (T1, T2, FLAIR), CT and PET volumes of simulated heads, with labels and lesions.

    Example: mtranslate phantom -o heads -n 8 --seed 0 --spacing 2
    """
    from modality_translate.phantom import PhantomSettings, write_cohort

    write_cohort(
        folder,
        subjects,
        seed,
        PhantomSettings.model_validate({"spacing": spacing, "misalign": misalign}),
        unpaired=unpaired,
        overwrite=overwrite,
        progress=lambda case: click.echo(case, err=True),
    )
    click.echo(folder)
