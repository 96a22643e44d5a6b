"""A folder of volumes through a model: what is there already, who does the work, and the report of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator
from contextlib import closing

from modality_translate.errors import RecipeError
from modality_translate.runtime.claims import tidy
from modality_translate.runtime.journal import Journal, Past, read_past
from modality_translate.runtime.lanes import Lanes, Watcher
from modality_translate.runtime.plan import Plan
from modality_translate.runtime.report import Conversion, Outcome
from modality_translate.runtime.stop import Stop
from modality_translate.runtime.sweep import sweep
from modality_translate.runtime.translator import Translator
from modality_translate.runtime.work import Options, Work


def convert_folder(
    translator: Translator, plan: Plan, options: Options, watcher: Watcher, stop: Stop | None = None
) -> Conversion:
    """Convert every job of `plan`; a volume that fails is reported and never stops the others.

    Raises `VolumeError` at once when an output is already there and `options.on_exists` is "error". After
    `stop.ask()`, or a KeyboardInterrupt, volumes that are being written are finished and the others given up within
    `GRACE_S`; the result then has `interrupted` set. Other runs may work on the same output folder: no volume is
    written twice.
    """
    stop = stop or Stop()
    begin = time.monotonic()
    plan, past = ready(plan, options)
    run = new_run()
    journal = Journal(plan.base, run) if plan.folder else None
    work = Work(translator, options, plan.base, run, stop, journal, past)
    outcomes = gather(Lanes(work, plan.jobs, watcher).outcomes(), watcher, stop)
    tidy(plan.base)
    engine, seconds = translator.engine, time.monotonic() - begin
    return Conversion(
        model=translator.spec.name,
        sha256=translator.sha256,
        engine=engine.name,
        device=engine.device,
        note=engine.note,
        outcomes=in_order(outcomes, plan),
        seconds=round(seconds, 3),
        engine_seconds=round(work.turns.seconds, 3),
        interrupted=stop.asked,
    )


def new_run() -> str:
    """A name that no other run has."""
    return secrets.token_hex(8)


def ready(plan: Plan, options: Options) -> tuple[Plan, Past]:
    """`plan` with its outputs as they are now, and what earlier runs noted of them; stale files are swept.

    Raises `VolumeError` for outputs that are there and may be neither kept nor replaced, and `RecipeError` where there
    is no folder to resume in.
    """
    if options.resume and plan.folder is None:
        raise RecipeError("--resume", "is for a folder as output.", "Give a folder with -o, or --on-exists overwrite.")
    past = read_past(plan.base) if options.resume else Past()
    if options.on_exists == "error":
        plan.refuse_existing(past.begun)
    if plan.jobs and plan.base.is_dir():
        sweep(plan)
    return plan.looked_at(), past


def gather(outcomes: Generator[Outcome], watcher: Watcher, stop: Stop) -> list[Outcome]:
    """All of `outcomes`, each told to `watcher` as it comes; a KeyboardInterrupt asks `stop` and goes on."""
    found: list[Outcome] = []
    with closing(outcomes):
        while (outcome := next(outcomes, None)) is not None:
            found.append(outcome)
            try:
                watcher.finished(outcome.name, outcome.status, outcome.reason)
            except KeyboardInterrupt:
                stop.ask()
    return found


def in_order(outcomes: list[Outcome], plan: Plan) -> tuple[Outcome, ...]:
    """`outcomes` in the order of the plan's jobs."""
    places = {job.name: place for place, job in enumerate(plan.jobs)}
    return tuple(sorted(outcomes, key=lambda outcome: places[outcome.name]))
