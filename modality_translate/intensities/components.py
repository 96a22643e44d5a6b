"""The largest connected part of a mask, found slab by slab: labels of the whole volume would be its largest array."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from modality_translate.volumes.scratch import empty_as, rest
from modality_translate.volumes.slabs import box_of, fill, slabs, slowest

LABELLED = 2**23
"""Voxels that are labelled at a time."""

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]


def largest_component(mask: Mask) -> Mask:
    """The largest face-connected component of `mask` (X, Y, Z); the mask itself if it holds no more than one."""
    box = box_of(mask, np.asarray)
    if box is None:
        return mask
    parts = _Parts(mask[box])
    chosen = parts.largest()
    if chosen is None:
        return mask
    result: Mask = empty_as(mask, np.bool_)
    fill(result, False)
    for number in reversed(range(len(parts.places))):  # the last labels are still there
        result[box][parts.places[number]] = parts.choose(number, chosen)
        rest(mask, result)
    return result


class _Parts:
    """The components of each slab of a mask, numbered from 1 throughout; those that touch belong together."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self.places = list(slabs(mask, voxels=LABELLED))
        self._before = [0]
        """How many components the slabs before each one hold."""
        self._last: tuple[int, Labels] | None = None

    def largest(self) -> Mask | None:
        """Which of all numbers make up the largest component; none if there is only one component."""
        sizes, joins = [np.zeros(1, np.int64)], [np.zeros((2, 0), np.int64)]
        face = None
        for number in range(len(self.places)):
            labels = self._labels(number)
            sizes.append(_sizes(labels))
            self._before.append(self._before[-1] + len(sizes[-1]))
            first, last = (self._face(number, labels, at) for at in (0, -1))
            joins += [] if face is None else [_pairs(face, first)]
            face = last
            rest(self._mask)
        count, group = _joined(np.concatenate(joins, axis=1), self._before[-1] + 1)
        # The background, number 0, is a group of its own.
        return None if count <= 2 else group == np.bincount(group, np.concatenate(sizes)).argmax()

    def choose(self, number: int, chosen: Mask) -> Mask:
        """Where one slab holds `chosen` numbers."""
        first, last = (before + 1 for before in self._before[number : number + 2])
        own: Mask = np.concatenate([[False], chosen[first:last]])
        return own[self._labels(number)]

    def _labels(self, number: int) -> Labels:
        """The components of one slab, numbered from 1."""
        if self._last is None or self._last[0] != number:
            part = self._mask[self.places[number]]
            labels = np.empty_like(part, np.int32)
            order = np.argsort([-abs(stride) for stride in part.strides])  # scipy goes along the last axis
            scipy.ndimage.label(part.transpose(order), output=labels.transpose(order))
            self._last = (number, labels)
        return self._last[1]

    def _face(self, number: int, labels: Labels, at: int) -> NDArray[np.int64]:
        """The numbers on the first (0) or last (-1) slice of a slab."""
        face = np.moveaxis(labels, slowest(self._mask), 0)[at].astype(np.int64)
        return np.where(face > 0, face + self._before[number], 0)


def _joined(pairs: NDArray[np.int64], numbers: int) -> tuple[int, NDArray[np.int32]]:
    """How many groups `pairs` (2, n) leave of 0 to `numbers` - 1, and the group of each."""
    graph = scipy.sparse.coo_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(numbers, numbers))
    count, group = scipy.sparse.csgraph.connected_components(graph, directed=False)
    return int(count), group


def _sizes(labels: Labels) -> NDArray[np.int64]:
    """How many voxels have each number from 1."""
    count = int(labels.max())
    sizes = np.zeros(count + 1, np.int64)
    for place in slabs(labels):
        sizes += np.bincount(labels[place].ravel("K"), minlength=count + 1)
    return sizes[1:]


def _pairs(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.int64]:
    """Numbers (2, n) that meet face to face, each pair once."""
    both = (one > 0) & (other > 0)
    return np.unique(np.stack([one[both], other[both]]), axis=1)
