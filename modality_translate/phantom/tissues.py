"""What each tissue is to MR (3 T), CT and FDG PET; every subject has its own slightly different constants.

Anchors: BrainWeb and 3 T literature for the brain, de Bazelaire et al. 2004 for fat, muscle and marrow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np


class Label(IntEnum):
    """Codes of the label map."""

    AIR = 0
    SKIN = 1
    FAT = 2
    MUSCLE = 3
    BONE = 4
    MARROW = 5
    CSF = 6
    GREY = 7
    WHITE = 8
    DEEP_GREY = 9
    CAVITY = 10
    VITREOUS = 11
    LENS = 12
    MUCOSA = 13
    TOOTH = 14
    CORD = 15
    DISC = 16
    BLOOD = 17
    TUMOUR = 20
    OEDEMA = 21
    CALCIFICATION = 22
    HOT = 23
    PLAQUE = 24


@dataclass(frozen=True)
class Tissue:
    """Relaxation times `t1` and `t2` in ms, proton density (water 1), mean and spread of HU, SUV."""

    t1: float
    t2: float
    density: float
    hu: float
    spread: float
    suv: float


TISSUES: dict[Label, Tissue] = {
    Label.AIR: Tissue(1, 1, 0, -1000, 0, 0),
    Label.SKIN: Tissue(1000, 40, 0.80, 40, 15, 0.8),
    Label.FAT: Tissue(382, 68, 0.95, -100, 10, 0.3),
    Label.MUSCLE: Tissue(898, 29, 0.85, 50, 8, 0.7),
    Label.BONE: Tissue(200, 0.4, 0.20, 1100, 250, 0.8),
    Label.MARROW: Tissue(586, 49, 0.90, 200, 70, 1.3),
    Label.CSF: Tissue(4160, 1650, 1.00, 8, 4, 0.5),
    Label.GREY: Tissue(1330, 83, 0.84, 40, 3, 8.5),
    Label.WHITE: Tissue(830, 77, 0.73, 27, 3, 3.0),
    Label.DEEP_GREY: Tissue(1200, 78, 0.82, 38, 3, 8.8),
    Label.CAVITY: Tissue(1, 1, 0, -1000, 0, 0),
    Label.VITREOUS: Tissue(4000, 1200, 1.00, 10, 4, 0.5),
    Label.LENS: Tissue(1300, 30, 0.70, 85, 8, 0.5),
    Label.MUCOSA: Tissue(1400, 75, 0.85, 45, 8, 2.5),
    Label.TOOTH: Tissue(200, 0.4, 0.05, 2100, 300, 0.2),
    Label.CORD: Tissue(900, 78, 0.75, 32, 4, 2.2),
    Label.DISC: Tissue(1000, 70, 0.80, 90, 10, 0.9),
    # Flowing blood loses its signal in spin echoes: the short T2 stands for the flow void, not for blood at rest.
    Label.BLOOD: Tissue(1930, 25, 0.88, 48, 5, 1.6),
    Label.TUMOUR: Tissue(1700, 110, 0.88, 35, 4, 11.0),
    Label.OEDEMA: Tissue(1600, 120, 0.90, 20, 3, 1.5),
    Label.CALCIFICATION: Tissue(200, 0.4, 0.05, 800, 60, 0.1),
    Label.HOT: Tissue(1, 1, 0, 0, 0, 14.0),
    Label.PLAQUE: Tissue(1500, 130, 0.88, 0, 0, 0),
}

BRAIN = (Label.GREY, Label.WHITE, Label.DEEP_GREY)


def draw_tissues(rng: np.random.Generator, variation: float) -> dict[Label, Tissue]:
    """One subject's constants: T1 and T2 vary by 5 %, density by 2 %, bone HU and SUV by 5 % (standard deviations)."""
    drawn = {label: _varied(tissue, rng, variation) for label, tissue in TISSUES.items()}
    calcified = replace(drawn[Label.CALCIFICATION], hu=float(rng.uniform(400, 1200)))
    hot = replace(drawn[Label.HOT], suv=float(rng.uniform(12, 16)))
    return drawn | {Label.CALCIFICATION: calcified, Label.HOT: hot}


def _varied(tissue: Tissue, rng: np.random.Generator, variation: float) -> Tissue:
    t1, t2, density, hu, suv = 1 + variation * np.array([0.05, 0.05, 0.02, 0.05, 0.05]) * _bounded(rng, 5)
    # Soft tissue has the same HU in every head; mineral content differs.
    return Tissue(
        t1=float(tissue.t1 * t1),
        t2=float(tissue.t2 * t2),
        density=float(tissue.density * density),
        hu=float(tissue.hu * hu) if tissue.hu >= 150 else tissue.hu,
        spread=tissue.spread,
        suv=float(tissue.suv * suv),
    )


def _bounded(rng: np.random.Generator, count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.clip(rng.standard_normal(count), -2, 2)
