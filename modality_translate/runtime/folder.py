"""A folder of volumes through a model: what is there already, who does the work, and the report of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from typing import Any, NamedTuple

from modality_translate.errors import RecipeError
from modality_translate.runtime.budget import budget_of
from modality_translate.runtime.claims import tidy
from modality_translate.runtime.cluster import Cluster, introduced
from modality_translate.runtime.errand import Errand, Loading
from modality_translate.runtime.journal import Journal, Past, read_past
from modality_translate.runtime.lanes import Lanes, Watcher
from modality_translate.runtime.model_file import read_model
from modality_translate.runtime.plan import LINKS_WANTED, Plan, check_writable
from modality_translate.runtime.report import Conversion, Outcome
from modality_translate.runtime.shipped import located
from modality_translate.runtime.stop import Stop
from modality_translate.runtime.sweep import sweep
from modality_translate.runtime.translator import Translator
from modality_translate.runtime.turns import Turns
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
    run = secrets.token_hex(8)
    journal = Journal(plan.base, run) if plan.folder else None
    budget = budget_of(options.memory, translator.engine, translator.spec)
    turns = Turns(translator.engine.streams)
    work = Work(translator, options, plan.base, run, stop, journal, past, budget, turns)
    outcomes = _gather(_with_links(plan, Lanes(work, plan.jobs, watcher).outcomes()), watcher, stop)
    tidy(plan.base)
    engine = translator.engine
    used = Used(translator.spec.name, translator.sha256, engine.name, engine.device, engine.note)
    return _conversion(used, plan, outcomes, time.monotonic() - begin, work.turns.seconds, stop)


def convert_on_cluster(
    client: Any, loading: Loading, plan: Plan, options: Options, watcher: Watcher, stop: Stop
) -> Conversion:
    """As `convert_folder`, by the workers of the dask cluster that `client` speaks to; all see the same files.

    Raises also what `introduced` raises.
    """
    begin = time.monotonic()
    plan, past = ready(plan.absolute(), options)
    model = read_model(located(loading.model))
    errand = Errand(secrets.token_hex(8), loading, model.sha256, options, plan.base, journal=plan.folder is not None)
    workers = introduced(client, errand, stop)
    cluster = Cluster(client, errand, plan.jobs, past, watcher, stop)
    outcomes = _gather(_with_links(plan, cluster.outcomes()), watcher, stop)
    tidy(plan.base)
    engine, device, note = (
        _all_of(w.engine for w in workers),
        _all_of(w.device for w in workers),
        _all_of(w.note for w in workers),
    )
    used = Used(model.spec.name, model.sha256, engine, device, note)
    return _conversion(used, plan, outcomes, time.monotonic() - begin, sum(cluster.engine_seconds.values()), stop)


def _all_of(words: Iterable[str]) -> str:
    """What workers say of themselves, each thing once."""
    return "; ".join(sorted(set(words) - {""}))


class Used(NamedTuple):
    """The model, and what computed it."""

    model: str
    sha256: str
    engine: str
    device: str
    note: str


def _conversion(
    used: Used, plan: Plan, outcomes: list[Outcome], seconds: float, engine_seconds: float, stop: Stop
) -> Conversion:
    places = {name: place for place, name in enumerate([*plan.unfollowed, *(job.name for job in plan.jobs)])}
    return Conversion(
        *used,
        outcomes=tuple(sorted(outcomes, key=lambda outcome: places[outcome.name])),
        seconds=round(seconds, 3),
        engine_seconds=round(engine_seconds, 3),
        interrupted=stop.asked,
    )


def ready(plan: Plan, options: Options) -> tuple[Plan, Past]:
    """`plan` with its outputs as they are now, and what earlier runs noted of them; stale files are swept.

    Raises `VolumeError` for outputs that are there and may be neither kept nor replaced, and `RecipeError` where there
    is no folder to resume in.
    """
    if options.resume and plan.folder is None:
        raise RecipeError("--resume", "is for a folder as output.", "Give a folder with -o, or --on-exists overwrite.")
    # First the outputs, then the journals: what another run finishes in between counts as written meanwhile.
    plan = plan.looked_at()
    past = read_past(plan.base) if options.resume else Past()
    if options.on_exists == "error":
        plan.refuse_existing(frozenset(past.begun))
    check_writable(plan.base)
    if plan.jobs and plan.base.is_dir():
        sweep(plan)
    return plan, past


def _with_links(plan: Plan, outcomes: Generator[Outcome]) -> Generator[Outcome]:
    """A link that was not followed may be a patient: it counts as failed."""
    reason = f"is a link that leads out of the input folder. {LINKS_WANTED}"
    for name in plan.unfollowed:
        yield Outcome(name, "", "failed", reason)
    with closing(outcomes):
        yield from outcomes


def _gather(outcomes: Generator[Outcome], watcher: Watcher, stop: Stop) -> list[Outcome]:
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
