"""Pairs that do not lie well on each other are registered once, before training: the source moves, the target stays.

A target that is moved is interpolated, and what is learnt from it blurs; a source may blur a little. On phantom heads
with known fields this brings back as much as the true field does (benchmarks/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from scipy import ndimage

from modality_translate.data.free_form import Mask, register
from modality_translate.data.misalignment import Misalignment, measure_misalignment
from modality_translate.pipeline.prepare import Prepared
from modality_translate.volumes.volume import Array, Volume

RIM = 3
"""Voxels around the body that count, so that its outline is compared, too."""

Say = Callable[[str], None]


class Registrar:
    """Registers pairs on `device` and tells of each in one line."""

    def __init__(self, say: Say, device: torch.device) -> None:
        self.say, self.device = say, device

    def __call__(self, name: str, source: Prepared, target: Array, body: Mask) -> Prepared:
        """`source` moved onto `target` (X, Y, Z, on its grid), if their edges then lie nearer; else as it was.

        They are measured by block matching, which shares nothing with what the registration looks at. `body` is where
        the patient is.
        """
        before = _apart(source, target)
        if before is None or not body.any():
            self.say(f"{name}: not registered, too little structure to measure how well the pair lies")
            return source
        inside = ndimage.binary_dilation(body, iterations=RIM)
        field = register(target, source.raw, inside, source.grid.spacing, self.device)
        moved = replace(source, raw=field.moved(source.raw))
        after = _apart(moved, target)
        better = after is not None and _badness(after) < _badness(before)
        then = f"{after.median:.1f} once registered" if after else "not to be measured once registered"
        self.say(f"{name}: {before.median:.1f} mm apart, {then}{'' if better else '; left as it was'}")
        return moved if better else source


def _apart(source: Prepared, target: Array) -> Misalignment | None:
    return measure_misalignment(Volume(source.raw, source.grid), Volume(target, source.grid))


def _badness(found: Misalignment) -> float:
    """A tail that came nearer counts as much as the median."""
    return found.median + found.p90
