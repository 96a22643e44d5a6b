"""How long the real training loop waits for its batches; prints JSON.

PYTHONPATH=.:benchmarks python -m waiting recipes/sts_mr_to_ct.toml --minutes 0.5
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from modality_translate.cli.train_recipe import Choice, chosen, settled
from modality_translate.training.batches import Named
from modality_translate.training.device import open_fabric
from modality_translate.training.loop import train
from modality_translate.training.reporter import Silent
from modality_translate.training.run import RunFolder
from modality_translate.training.session import Job, Session

NEVER = 10**6
"""Steps between validations, which would only hide the waiting."""


class WatchedSession(Session):
    """Adds up the time from asking for a batch to having it, and from having it to asking again."""

    waited = worked = 0.0
    first = 0.0
    """Seconds to the first batch, which nothing can be made ahead of; not part of `waited`."""

    def batches(self) -> Generator[Named, None, None]:
        with closing(super().batches()) as coming:
            asked = time.perf_counter()
            for steps, batch in enumerate(coming):
                had = time.perf_counter()
                if steps:
                    self.waited += had - asked
                else:
                    self.first = had - asked
                yield batch
                asked = time.perf_counter()
                self.worked += asked - had


def watch(recipe: Path, settings: tuple[str, ...], device: str, threads: int | None) -> WatchedSession:
    """Train by `recipe` in a folder that is dropped again."""
    with tempfile.TemporaryDirectory() as folder:
        run, reporter = RunFolder(Path(folder) / "run"), Silent()
        choice = Choice(recipe, None, None, None, None, unpaired=False, overrides=settings, device=device)
        whole, split = settled(chosen(choice, run, reporter, resume=False), run, reporter, leads=True, resume=False)
        fabric = open_fabric(device, whole.training.precision, threads)
        session = WatchedSession(Job(whole, split, run, fabric, reporter))
        train(session)
    return session


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("-d", "--device", default="cpu")
    given = parser.parse_args()
    rare = [f"training.{key}={NEVER}" for key in ("steps", "validate_every", "checkpoint_every")]
    settings = (*given.settings, f"training.minutes={given.minutes}", "data.validation=0", *rare)
    session = watch(given.recipe, settings, given.device, given.threads)
    found = {"waited": session.waited, "worked": session.worked, "first": session.first, "steps": session.state.step}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
