"""The training loop: set the rate, step, average, validate, log, save; the order of events on one page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from modality_translate.training.group import anyone
from modality_translate.training.randomness import seed_step
from modality_translate.training.schedule import rate_factor
from modality_translate.training.session import Session


def train(session: Session, stop: Callable[[], bool] = lambda: False) -> bool:
    """Train to the end of the recipe, or until `stop()` in any process; True if the end was reached.

    A stopped training leaves a state from which it goes on bit for bit as if it had never stopped. Raises `RunError`
    if training cannot go on, `VolumeError` for a validation volume that cannot be used.
    """
    state, recipe, fabric = session.state, session.job.recipe, session.job.fabric
    settings, optimiser = recipe.training, recipe.optimiser
    if state.finished:
        return True
    last = False
    with closing(session.batches()) as coming:
        while not (last or anyone(stop(), fabric)):
            batch, names = next(coming)
            seed_step(recipe.seed, state.step, fabric.global_rank)
            progress = state.clock.progress(state.step)
            factor = rate_factor(state.step, progress, optimiser)
            state.objective.set_rate(factor)
            losses = state.objective.step(batch, progress)
            healthy = state.take_in(losses, names)
            last = state.finished
            if healthy:
                session.add(losses)
            elif not last:
                continue
            validated = last or state.step % settings.validate_every == 0
            if validated:
                session.validate()
            if validated or state.step % session.log_every == 0:
                session.log(optimiser.lr * factor)
            if last or state.step % settings.checkpoint_every == 0:
                session.save()
    if last:
        session.run.drop_cache()
    elif not state.bad_steps:
        session.save()
    return last
