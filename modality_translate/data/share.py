"""Which samples of a batch a process computes, when several processes train together."""

from __future__ import annotations


def share(batch: int, parts: int, rank: int, processes: int) -> list[int]:
    """The numbers of the samples that process `rank` of `processes` takes, in order.

    The batch is cut into `parts` computed one after another, and every part into one equal piece per process, so that
    each part shows the same samples however many processes there are. `batch` must be a multiple of both together.
    """
    piece = batch // (parts * processes)
    firsts = range(rank * piece, batch, processes * piece)
    return [first + i for first in firsts for i in range(piece)]
