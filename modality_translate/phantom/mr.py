"""Magnetic resonance: signal equations at 3 T, receive bias, Rician noise. Times in ms, angles in degrees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from modality_translate.phantom.noise import smooth_noise
from modality_translate.phantom.tissues import Label, Tissue
from modality_translate.volumes.volume import Array, Grid

BRIGHTNESS = 600.0
"""Signal of a sequence's reference tissue before the subject's gain: MR units are arbitrary."""


class Sequence(Protocol):
    """An MR sequence: the tissue its noise and brightness refer to, and its signal equation."""

    @property
    def reference(self) -> Label: ...

    def signal(self, tissue: Tissue) -> float: ...


@dataclass(frozen=True)
class SpoiledGradientEcho:
    """PD sin(a) (1 - E1) / (1 - cos(a) E1) exp(-TE / T2*), E1 = exp(-TR / T1); T2* is taken as 0.85 T2."""

    tr: float = 18.0
    te: float = 3.0
    flip: float = 20.0
    reference: Label = Label.WHITE

    def signal(self, tissue: Tissue) -> float:
        angle, e1 = np.radians(self.flip), np.exp(-self.tr / tissue.t1)
        steady = np.sin(angle) * (1 - e1) / (1 - np.cos(angle) * e1)
        return float(tissue.density * steady * np.exp(-self.te / (0.85 * tissue.t2)))


@dataclass(frozen=True)
class SpinEcho:
    """PD (1 - exp(-TR / T1)) exp(-TE / T2)."""

    tr: float = 4000.0
    te: float = 90.0
    reference: Label = Label.CSF

    def signal(self, tissue: Tissue) -> float:
        return float(tissue.density * (1 - np.exp(-self.tr / tissue.t1)) * np.exp(-self.te / tissue.t2))


@dataclass(frozen=True)
class InversionRecovery:
    """PD |1 - 2 exp(-TI / T1) + exp(-TR / T1)| exp(-TE / T2); with these times the signal of CSF is null."""

    tr: float = 9000.0
    te: float = 100.0
    ti: float = 2430.0
    reference: Label = Label.WHITE

    def signal(self, tissue: Tissue) -> float:
        recovery = 1 - 2 * np.exp(-self.ti / tissue.t1) + np.exp(-self.tr / tissue.t1)
        return float(tissue.density * abs(recovery) * np.exp(-self.te / tissue.t2))


def draw_sequences(rng: np.random.Generator, variation: float, tissues: dict[Label, Tissue]) -> dict[str, Sequence]:
    """Times and flip angle within 3 % of the protocol. TI nulls the subject's own CSF, as the scanner's user would."""
    tr1, te1, flip, tr2, te2, te3 = 1 + 0.03 * variation * rng.uniform(-1, 1, 6)
    spgr, tse, flair = SpoiledGradientEcho(), SpinEcho(), InversionRecovery()
    water = tissues[Label.CSF].t1
    null = float(water * np.log(2 / (1 + np.exp(-flair.tr / water))))
    return {
        "T1": replace(spgr, tr=spgr.tr * tr1, te=spgr.te * te1, flip=spgr.flip * flip),
        "T2": replace(tse, tr=tse.tr * tr2, te=tse.te * te2),
        "FLAIR": replace(flair, te=flair.te * te3, ti=null),
    }


def signals(sequence: Sequence, tissues: dict[Label, Tissue]) -> dict[Label, float]:
    """Noise-free signal of every tissue, with the reference tissue at `BRIGHTNESS`."""
    scale = BRIGHTNESS / sequence.signal(tissues[sequence.reference])
    return {label: scale * sequence.signal(tissue) for label, tissue in tissues.items()}


def bias_field(rng: np.random.Generator, grid: Grid, strength: float) -> Array:
    """Smooth factor (X, Y, Z) about 1 with `strength` from its darkest to its brightest place."""
    low = grid.affine[:3, 3]
    high = low + np.array(grid.extent)
    lattice = smooth_noise(rng, (low[0], low[1], low[2]), (high[0], high[1], high[2]), 24.0, 60.0)
    x, y, z = (low[a] + grid.spacing[a] * np.arange(grid.shape[a]) for a in range(3))
    field = lattice.sample(x, y, z)
    span = max(float(np.ptp(field)), 1e-6)
    return np.asarray(1 + strength * ((field - field.min()) / span - 0.5), np.float32)


def add_rician(rng: np.random.Generator, signal: Array, sigma: float) -> Array:
    """|S + n1 + i n2| with normal n1, n2 of deviation `sigma`; the mean of pure noise is sigma sqrt(pi / 2)."""
    real = signal + np.float32(sigma) * rng.standard_normal(signal.shape, np.float32)
    imaginary = np.float32(sigma) * rng.standard_normal(signal.shape, np.float32)
    return np.asarray(np.hypot(real, imaginary), np.float32)
