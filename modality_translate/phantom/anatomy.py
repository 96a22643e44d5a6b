"""Paints the whole head on a grid twice as fine as the volumes, and averages tissue values back to the voxels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from modality_translate.intensities.modality import ModalityName
from modality_translate.phantom.body import Body, Frame
from modality_translate.phantom.brain import paint_brain
from modality_translate.phantom.face import paint_face
from modality_translate.phantom.head import paint_neck, paint_skin, paint_soft_tissue, surface
from modality_translate.phantom.lesions import SEEN_IN, Lesion, Seed, measure_lesions, paint_lesions
from modality_translate.phantom.shapes import Labels, Region
from modality_translate.phantom.skull import cavity, paint_base, paint_vault
from modality_translate.phantom.tissues import Label
from modality_translate.volumes.volume import Array, Grid

FINER = 2
"""Labels per voxel along each axis."""
_SLAB_POINTS = 600_000


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Fine label maps (2X, 2Y, 2Z): healthy tissue, and lesions (0 where there is none)."""

    healthy: Labels
    diseased: Labels

    def seen(self, modality: ModalityName) -> Labels:
        """The fine labels as one modality shows them: an invisible lesion leaves the healthy tissue."""
        shown = np.zeros(256, bool)
        shown[[label for label, modalities in SEEN_IN.items() if modality in modalities]] = True
        return np.where(shown[self.diseased], self.diseased, self.healthy)

    def voxel_labels(self) -> Labels:
        """The most frequent label of each voxel (X, Y, Z), lesions included."""
        parts = list(_parts(np.where(self.diseased > 0, self.diseased, self.healthy)))
        best, most = parts[0], np.zeros(parts[0].shape, np.uint8)
        for part in parts:
            votes = np.zeros_like(most)
            for other in parts:
                votes += part == other
            best = np.where(votes > most, part, best)
            np.maximum(most, votes, out=most)
        return best


def paint_anatomy(body: Body, grid: Grid, seeds: tuple[Seed, ...]) -> tuple[Anatomy, tuple[Lesion, ...]]:
    """The fine label maps of the subject on `grid`, slab by slab to bound memory, and its lesions as painted."""
    fine = finer(grid)
    frame = Frame(body, fine)
    x, y, z = fine.shape
    anatomy = Anatomy(np.zeros(fine.shape, np.uint8), np.zeros(fine.shape, np.uint8))
    step = max(1, _SLAB_POINTS // (y * z))
    for start in range(0, x, step):
        rows = slice(start, min(start + step, x))
        region = frame.slab(rows)
        _paint_head(region, body)
        paint_lesions(region, seeds)
        anatomy.healthy[rows], anatomy.diseased[rows] = region.labels, region.lesions
    return anatomy, measure_lesions(anatomy.diseased, fine, seeds)


def _paint_head(region: Region, body: Body) -> None:
    skin = surface(region, body)
    paint_soft_tissue(region, skin, body)
    paint_neck(region)
    paint_face(region)
    cranium = region.within((-80, -102, -95), (80, 102, 95))
    inner = cavity(cranium, body)
    paint_vault(cranium, inner, body)
    paint_brain(cranium, inner, body)
    paint_base(region)
    paint_skin(region, skin)


def finer(grid: Grid) -> Grid:
    """The grid of the fine labels: the same field of view, half the spacing."""
    affine = grid.affine.copy()
    affine[:3, :3] /= FINER
    affine[:3, 3] -= grid.affine[:3, :3].sum(axis=1) * (FINER - 1) / (2 * FINER)
    x, y, z = (n * FINER for n in grid.shape)
    return Grid((x, y, z), affine)


def averaged(labels: Labels, values: dict[Label, float]) -> Array:
    """Voxel means (X, Y, Z) of a quantity known for each tissue: exact partial volume of the fine labels."""
    table = np.zeros(256, np.float32)
    for label, value in values.items():
        table[label] = value
    total = np.zeros([n // FINER for n in labels.shape], np.float32)
    for part in _parts(labels):
        total += table[part]
    return total / np.float32(FINER**3)


def _parts(labels: Labels) -> Iterator[Labels]:
    """The fine points of every voxel, one array (X, Y, Z) for each place inside the voxel."""
    for i, j, k in np.ndindex(FINER, FINER, FINER):
        yield labels[i::FINER, j::FINER, k::FINER]
