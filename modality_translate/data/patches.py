"""Random patches of the stored volumes: batch `step` is a pure function of (seed, step)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modality_translate.data.store import FULL, Entry, Store, Stored, background
from modality_translate.pipeline.spec import Spec
from modality_translate.volumes.patches import cut
from modality_translate.volumes.volume import Array, Shape

BEYOND = -1.0
"""The body's value beyond the volume, where nobody knows what the target would have been."""
INSIDE = 0.7
"""Fraction of patches centred in the body. The others fall anywhere, and at the volume's ends more often than their
share: a network that hardly saw slices of nothing but air, beside padding, translates them to tissue."""


class Patches(NamedTuple):
    """A batch in the network's range [-1, 1]: full patches (N, 1, X, Y, Z), halo included, and who is shown."""

    source: Array
    target: Array
    body: Array
    """1 where a pair is scored or inside the body of an unpaired source, 0 outside, `BEYOND` beyond the volume."""
    target_body: Array | None
    """The same of an unpaired target; none for pairs."""
    names: tuple[str, ...]
    """Of the whole batch, whichever part of it is here."""


class _Side(NamedTuple):
    """Where in which case the core of a patch starts."""

    entry: Entry
    corner: Shape


class _Drawn(NamedTuple):
    source: _Side
    target: _Side
    name: str


class Sampler:
    """Draws batches of `size` patches from a store, and cuts those numbered in `mine` (all when left out)."""

    def __init__(self, store: Store, spec: Spec, size: int, seed: int, mine: Sequence[int] | None = None) -> None:
        self.sources = [entry for entry in store.entries if entry.has_source]
        self.targets = [entry for entry in store.entries if entry.has_target]
        self.paired = all(entry.has_source and entry.has_target for entry in store.entries)
        self.tiling = spec.tiling
        self.backgrounds = background(spec.source), background(spec.target)
        self.size = size
        self.mine = range(size) if mine is None else mine
        self.seed = seed

    def generator(self, step: int) -> np.random.Generator:
        """The random numbers of one step, for the patches and for what is done to them."""
        return np.random.default_rng(np.random.SeedSequence([self.seed, step]))

    def batch(self, generator: np.random.Generator) -> Patches:
        """Cases drawn with replacement; source and target at one place if paired, else independently."""
        drawn = [self._draw(generator) for _ in range(self.size)]
        here = [drawn[number] for number in self.mine]
        return Patches(
            _stacked([self._scaled(*one.source, Entry.source, self.backgrounds[0]) for one in here]),
            _stacked([self._scaled(*one.target, Entry.target, self.backgrounds[1]) for one in here]),
            _stacked([self._body(*one.source) for one in here]),
            None if self.paired else _stacked([self._body(*one.target) for one in here]),
            tuple(one.name for one in drawn),
        )

    def _draw(self, generator: np.random.Generator) -> _Drawn:
        entry = self.sources[generator.integers(len(self.sources))]
        source = _Side(entry, self._corner(entry.source().shape, entry, generator))
        if self.paired:
            return _Drawn(source, source, entry.name)
        other = self.targets[generator.integers(len(self.targets))]
        target = _Side(other, self._corner(other.target().shape, other, generator))
        return _Drawn(source, target, f"{entry.name} and {other.name}")

    def _corner(self, shape: Shape, entry: Entry, generator: np.random.Generator) -> Shape:
        """Where the core starts: around a body voxel, moved so that no more than needed leaves the volume."""
        core = np.array(self.tiling.core)
        spare = np.array(shape) - core
        if generator.random() < INSIDE:
            points = entry.points()
            centre = points[generator.integers(len(points))]
        else:
            halo = np.array(self.tiling.halo)
            centre = generator.integers(-halo, shape + halo)
        # A volume smaller than the core lies anywhere inside it; a larger one shows no more padding than translation.
        loose = generator.integers(np.minimum(spare, 0), 1)
        x, y, z = np.where(spare < 0, loose, np.clip(centre - core // 2, 0, np.maximum(spare, 0)))
        return int(x), int(y), int(z)

    def _scaled(self, entry: Entry, corner: Shape, side: Callable[[Entry], Stored], air: int) -> Array:
        """(X, Y, Z) float32 in [-1, 1]."""
        return self._cut(side(entry), corner, air) * np.float32(1.0 / FULL)

    def _body(self, entry: Entry, corner: Shape) -> Array:
        return self._cut(entry.body(), corner, BEYOND).astype(np.float32)

    def _cut(self, array: NDArray[Any], corner: Shape, outside: int) -> NDArray[Any]:
        return cut(array, corner, self.tiling.patch, self.tiling.halo, outside)


def _stacked(patches: list[Array]) -> Array:
    return np.stack(patches)[:, None]
