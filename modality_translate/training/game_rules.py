"""Rules on the game between generator and discriminator, read from the rows of metrics.csv.

The equilibrium of least-squares networks (targets 0 and 1, averaged) is 1/4 for the discriminator's loss and for the
generator's adversarial term: the discriminator then answers 1/2 everywhere.
"""

from __future__ import annotations

import numpy as np

from modality_translate.training.history import Row
from modality_translate.training.verdict import Verdict
from modality_translate.training.windows import FEWEST_ROWS, WINDOWS, Series, about_trend, curve, first_step, tenths

EQUILIBRIUM = 0.25
CHANCE = 0.5
"""The discriminator's accuracy when it guesses."""
LATEST = 3
"""A verdict on the game needs the latest 3 of 10 windows to agree."""
WON_BELOW = 0.1 * EQUILIBRIUM
NEAR = 0.02
"""How close to equilibrium (relative), or to chance (absolute), is no different from it."""


def discriminator_won(rows: list[Row]) -> Verdict | None:
    """Its loss stays under a tenth of equilibrium, and the adversarial term rises or stays high.

    A term near 1, its value when every synthetic patch is recognised, can rise no further.
    """
    windows = tenths(curve(rows, "discriminator"))
    adversarial = tenths(curve(rows, "adversarial"))[-LATEST:]
    latest = windows[-LATEST:]
    if not latest.size or not adversarial.size or latest.max() >= WON_BELOW or adversarial[-1] < 0.95 * adversarial[0]:
        return None
    return Verdict(
        "discriminator won",
        f"its loss is at most {latest.max():.2g} in the last {LATEST} of {WINDOWS} windows (equilibrium {EQUILIBRIUM}),"
        f" the adversarial term went from {adversarial[0]:.2f} to {adversarial[-1]:.2f}",
        "It recognises every synthetic patch, so the generator learns nothing from it.",
        {
            "optimiser.discriminator_lr": "a quarter of optimiser.lr",
            "objective.adversarial": "half as much",
            "objective.r1": "1",
            "discriminator.norm": "spectral",
        },
        {"discriminator": latest.max(), "adversarial_before": adversarial[0], "adversarial": adversarial[-1]},
    )


def discriminator_dead(rows: list[Row]) -> Verdict | None:
    """Loss flat at equilibrium and accuracy at chance: it answers 1/2 whatever it is shown."""
    latest, accuracy = _guessing(rows)
    if not latest.size or np.abs(latest / EQUILIBRIUM - 1).max() > NEAR:
        return None
    return Verdict(
        "discriminator dead",
        f"its loss is {latest[-1]:.4f} (equilibrium {EQUILIBRIUM}) and its accuracy {100 * accuracy:.1f} %, flat over"
        f" the last {LATEST} of {WINDOWS} windows",
        "It cannot tell real from synthetic, so the adversarial term is noise to the generator.",
        {
            "optimiser.discriminator_lr": "twice optimiser.lr",
            "discriminator.width": "twice as wide",
            **_without_game(rows),
        },
        {"discriminator": latest[-1], "discriminator_accuracy": accuracy},
    )


def discriminator_behind(rows: list[Row]) -> Verdict | None:
    """Accuracy at chance with a loss still above equilibrium: it has not begun to tell real from synthetic."""
    latest, accuracy = _guessing(rows)
    if not latest.size or latest[-1] < (1 - NEAR) * EQUILIBRIUM or latest.max() <= (1 + NEAR) * EQUILIBRIUM:
        return None
    late = "discriminator" not in rows[0]
    return Verdict(
        "discriminator behind",
        f"its accuracy is {100 * accuracy:.1f} % (guessing) and its loss {latest[-1]:.3f}, come from above the"
        f" equilibrium {EQUILIBRIUM}, after {rows[-1]['step'] - first_step(rows, 'discriminator'):.0f} steps",
        "It is still learning the basics, so the adversarial term gives the generator little but noise.",
        {
            "optimiser.discriminator_lr": "twice optimiser.lr",
            **({"objective.adversarial_from": "earlier, before the rate has decayed"} if late else {}),
            **_without_game(rows),
        },
        {"discriminator": latest[-1], "discriminator_accuracy": accuracy},
    )


def oscillating(rows: list[Row]) -> Verdict | None:
    """In the later half, a term of the game turns at most rows and scatters by more than half its mean."""
    for name in ("discriminator", "adversarial"):
        series = curve(rows, name)
        if series.size < FEWEST_ROWS:
            continue
        later = series[series.size // 2 :]
        turns = np.diff(np.sign(np.diff(later))) != 0
        scatter = about_trend(later).std() / later.mean()
        if turns.mean() > 0.6 and scatter > 0.5:
            return Verdict(
                "oscillating",
                f"the {name} loss turns at {100 * turns.mean():.0f} % of the rows of the later half and scatters by"
                f" {100 * scatter:.0f} % of its mean",
                "Generator and discriminator overshoot each other in turn.",
                {
                    "optimiser.lr": "half as much",
                    "optimiser.discriminator_lr": "half as much",
                    "objective.r1": "1",
                    "training.batch": "larger",
                },
                {"turns": float(turns.mean()), "variation": float(scatter)},
            )
    return None


def _without_game(rows: list[Row]) -> dict[str, str]:
    """Training without a discriminator, where a regression term would still tie the output to its target."""
    return {"objective.adversarial": "0 if scores matter more than texture"} if curve(rows, "l1").size else {}


def _guessing(rows: list[Row]) -> tuple[Series, float]:
    """The discriminator's latest windows and accuracy, if that is chance in each of them; else no windows."""
    accuracy = tenths(curve(rows, "discriminator_accuracy"))[-LATEST:]
    if not accuracy.size or np.abs(accuracy - CHANCE).max() > NEAR:
        return np.empty(0), CHANCE
    return tenths(curve(rows, "discriminator"))[-LATEST:], float(accuracy[-1])
