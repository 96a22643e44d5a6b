"""A recipe's [data.phantom]: the volumes are made into the run folder before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDERS = {"MR": "t1", "CT": "ct", "PET": "pet"}
SECOND_MR = "t2"
COHORT = "phantom"
"""Folder of the heads within a run."""


def with_phantom(recipe: Any, run: Path) -> Any:
    """`recipe` reading a cohort in RUN/phantom, made now unless it is there; its last subjects are held out.

    Every subject has all modalities; an unpaired recipe shows the training one side of each subject only. The target
    of an MR to MR recipe is the T2.
    """
    from modality_translate.phantom import PhantomSettings, is_cohort, write_cohort

    phantom = recipe.data.phantom
    folder, settings = run / COHORT, PhantomSettings(spacing=phantom.spacing)
    if not is_cohort(folder, phantom.subjects, phantom.seed, settings):
        write_cohort(folder, phantom.subjects, phantom.seed, settings, overwrite=True)
    names = [f"sub-{index:03d}" for index in range(phantom.subjects)]
    source, target = (FOLDERS[side.modality] for side in (recipe.source, recipe.target))
    update = {
        "source": f"{COHORT}/{source}",
        "target": f"{COHORT}/{SECOND_MR if source == target == FOLDERS['MR'] else target}",
        "held_out": tuple(names[-phantom.held_out :]),
    }
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=update)})


def only_heads(run: Path) -> bool:
    """Whether all that is in the folder `run` are heads that a training made before it was ended: no run as yet."""
    from modality_translate.phantom import begun_cohort

    return [path.name for path in run.iterdir()] == [COHORT] and begun_cohort(run / COHORT)
