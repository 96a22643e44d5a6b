"""The target volume as it grows from the lowest slice to the highest, in the place of its source where that may go."""

from __future__ import annotations

from collections import deque

from modality_translate.volumes.scratch import rest
from modality_translate.volumes.slabs import Slab, fill
from modality_translate.volumes.volume import Array


class Answer:
    """Slabs of boxes, put into `room` (X, Y, Z) once no patch that is still to be cut can reach their slices.

    Those patches begin at most `halo` slices below the end of the slab that came last. What lies in no box is
    `background`.
    """

    def __init__(self, room: Array, halo: int, background: float) -> None:
        self._room, self._halo, self._background = room, halo, background
        self._waiting: deque[tuple[Slab, Array]] = deque()
        self._arrived = self._settled = 0

    def add(self, box: Slab, slab: Array) -> None:
        """The next slices of `box`, all along x and y; boxes come in order of z, each from its lowest slice on."""
        x, y, z = box
        start = max(z.start, self._arrived)
        self._arrived = start + slab.shape[2]
        self._waiting.append(((x, y, slice(start, self._arrived)), slab))
        self._settle(self._arrived - self._halo)

    def whole(self) -> Array:
        """`room`, now that every slab has come."""
        self._settle(self._arrived)
        fill(self._room[:, :, self._settled :], self._background)
        return self._room

    def _settle(self, stop: int) -> None:
        """Put what waits and ends at the slice `stop` or before."""
        while self._waiting and self._waiting[0][0][2].stop <= stop:
            place, slab = self._waiting.popleft()
            end = place[2].stop
            fill(self._room[:, :, self._settled : end], self._background)
            self._room[place] = slab
            self._settled = end
            rest(self._room)
