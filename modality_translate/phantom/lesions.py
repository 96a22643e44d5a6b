"""Lesions with known truth, among them those that cannot be seen in another modality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from modality_translate.intensities.modality import ModalityName
from modality_translate.phantom.noise import Point
from modality_translate.phantom.shapes import Labels, Region
from modality_translate.phantom.tissues import BRAIN, Label
from modality_translate.volumes.volume import Grid

Kind = Literal["tumour", "oedema", "plaque", "hot", "calcification"]

LABELS: dict[Kind, Label] = {
    "tumour": Label.TUMOUR,
    "oedema": Label.OEDEMA,
    "plaque": Label.PLAQUE,
    "hot": Label.HOT,
    "calcification": Label.CALCIFICATION,
}
SEEN_IN: dict[Label, tuple[ModalityName, ...]] = {
    Label.TUMOUR: ("MR", "CT", "PET"),
    Label.OEDEMA: ("MR", "CT", "PET"),
    Label.PLAQUE: ("MR",),
    Label.HOT: ("PET",),
    Label.CALCIFICATION: ("MR", "CT", "PET"),
}
"""Where a lesion replaces the tissue it grew in; elsewhere the healthy tissue shows. Calcium is a void on MR."""

_RADII: dict[Kind, tuple[float, float]] = {"tumour": (8, 14), "hot": (5, 9), "plaque": (4, 7), "calcification": (2, 6)}
_CHANCE_KINDS: tuple[Kind, ...] = ("tumour", "hot", "plaque", "calcification")


@dataclass(frozen=True)
class Seed:
    """Where a lesion is asked for: centre in the head's own mm, radius in mm."""

    kind: Kind
    centre: Point
    radius: float


@dataclass(frozen=True)
class Lesion:
    """A lesion as painted: its centre of mass in world mm, its volume in mL and the modalities that show it."""

    kind: Kind
    centre: Point
    volume: float
    seen_in: tuple[ModalityName, ...]


def draw_seeds(rng: np.random.Generator, chance: float) -> tuple[Seed, ...]:
    """Each kind with probability `chance`, in the cerebrum, apart from each other; a tumour brings its oedema."""
    seeds: list[Seed] = []
    for kind in _CHANCE_KINDS:
        wanted, radius = rng.random() < chance, float(rng.uniform(*_RADII[kind]))
        centre = _free_place(rng, radius, seeds)
        if wanted and centre is not None:
            if kind == "tumour":
                seeds.append(Seed("oedema", centre, radius + float(rng.uniform(5, 9))))
            seeds.append(Seed(kind, centre, radius))
    return tuple(seeds)


def _free_place(rng: np.random.Generator, radius: float, taken: list[Seed]) -> Point | None:
    for _ in range(50):
        side = rng.choice((-1.0, 1.0))
        x, y, z = side * rng.uniform(22, 44), rng.uniform(-50, 45), rng.uniform(18, 52)
        roomy = (x / 62) ** 2 + (y / 82) ** 2 + (z / 74) ** 2 < 0.8
        gaps = (np.linalg.norm(np.subtract((x, y, z), seed.centre)) - seed.radius for seed in taken)
        if roomy and all(gap > radius + 5 for gap in gaps):
            return float(x), float(y), float(z)
    return None


def paint_lesions(region: Region, seeds: tuple[Seed, ...]) -> None:
    """Noise-warped balls in the brain's parenchyma, written to `region.lesions`."""
    for seed in seeds:
        box = region.around(seed.centre, reach=1.4 * seed.radius)
        x, y, z = seed.centre
        distance = np.sqrt((box.x - x) ** 2 + (box.y - y) ** 2 + (box.z - z) ** 2)
        inside = distance < seed.radius * (1 + 0.12 * np.clip(box.rough, -2, 2))
        np.putmask(box.lesions, inside & np.isin(box.labels, BRAIN), LABELS[seed.kind])


def measure_lesions(lesions: Labels, grid: Grid, seeds: tuple[Seed, ...]) -> tuple[Lesion, ...]:
    """What was really painted on `grid`: centre of mass and volume."""
    measured = []
    for seed in seeds:
        label = LABELS[seed.kind]
        voxels = np.argwhere(lesions == label)
        if len(voxels):
            x, y, z = (grid.affine[:3, :3] @ voxels.mean(axis=0) + grid.affine[:3, 3]).round(3)
            volume = round(len(voxels) * float(np.prod(grid.spacing)) / 1000, 4)
            measured.append(Lesion(seed.kind, (float(x), float(y), float(z)), volume, SEEN_IN[label]))
    return tuple(measured)
