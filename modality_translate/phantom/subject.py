"""One subject: the same head as T1, T2, FLAIR, CT and PET, with its labels, lesions and displacement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from modality_translate.phantom import mr
from modality_translate.phantom.anatomy import Anatomy, averaged, paint_anatomy
from modality_translate.phantom.body import draw_body
from modality_translate.phantom.ct import acquire_ct
from modality_translate.phantom.lesions import Lesion, draw_seeds
from modality_translate.phantom.misalignment import displaced, draw_field
from modality_translate.phantom.pet import acquire_pet
from modality_translate.phantom.settings import PhantomSettings
from modality_translate.phantom.shapes import Labels
from modality_translate.phantom.tissues import Label, Tissue, draw_tissues
from modality_translate.volumes.volume import Array, Grid, Volume

MODALITY_KEYS = ("T1", "T2", "FLAIR", "CT", "PET")
_STREAMS = ("body", "tissues", "lesions", "sequences", "field", "T1", "T2", "FLAIR", "CT", "PET")


@dataclass(frozen=True, eq=False)
class Subject:
    """Volumes by key ("T1", "T2", "FLAIR" in arbitrary units; "CT" in HU; "PET" in SUV) on one RAS+ grid."""

    volumes: dict[str, Volume]
    labels: Volume
    """Codes of `Label`, lesions included, in the frame of CT and PET."""
    lesions: tuple[Lesion, ...]
    field: Array | None
    """Displacement (3, X, Y, Z) in world mm: MR shows at x what CT, PET and labels show at x + field(x)."""
    tissues: dict[Label, Tissue]
    """The subject's own constants."""


def make_subject(seed: int | np.random.SeedSequence, settings: PhantomSettings | None = None) -> Subject:
    """The subject that belongs to `seed`, bit for bit. Anatomy, lesions and tissues do not depend on misalignment
    or noise, and the anatomy not on the spacing: every part draws from its own stream."""
    settings = settings or PhantomSettings()
    rngs = random_streams(seed)
    body = draw_body(rngs["body"], settings)
    grid = body.grid(settings.spacing)
    tissues = draw_tissues(rngs["tissues"], settings.variation)
    anatomy, lesions = paint_anatomy(body, grid, draw_seeds(rngs["lesions"], settings.lesions))
    field = draw_field(rngs["field"], grid, settings)
    scene = Scene(anatomy, grid, tissues, settings)
    arrays = scene.mr(rngs, field) | {"CT": scene.ct(rngs["CT"]), "PET": scene.pet(rngs["PET"])}
    volumes = {key: Volume(array, grid) for key, array in arrays.items()}
    return Subject(volumes, Volume(anatomy.voxel_labels().astype(np.float32), grid), lesions, field, tissues)


def random_streams(seed: int | np.random.SeedSequence) -> dict[str, np.random.Generator]:
    """One independent generator for each part of a subject."""
    # A fresh sequence, because spawning changes the one that was passed.
    root = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    children = np.random.SeedSequence(root.entropy, spawn_key=root.spawn_key).spawn(len(_STREAMS))
    return {name: np.random.default_rng(child) for name, child in zip(_STREAMS, children, strict=True)}


@dataclass(frozen=True, eq=False)
class Scene:
    """What lies in the scanner."""

    anatomy: Anatomy
    grid: Grid
    tissues: dict[Label, Tissue]
    settings: PhantomSettings

    def mr(self, rngs: dict[str, np.random.Generator], field: Array | None) -> dict[str, Array]:
        """T1, T2 and FLAIR with the subject's gain, bias and noise, seen through `field`."""
        labels = self.anatomy.seen("MR")
        if field is not None:
            labels = displaced(labels, field, self.settings.spacing)
        gain = float(2 ** rngs["sequences"].uniform(-1, 1))
        sequences = mr.draw_sequences(rngs["sequences"], self.settings.variation, self.tissues)
        bias = mr.bias_field(rngs["sequences"], self.grid, self.settings.bias)
        images = {}
        for key, sequence in sequences.items():
            clean = averaged(labels, mr.signals(sequence, self.tissues)) * bias
            images[key] = mr.add_rician(rngs[key], clean, self.settings.mr_noise * mr.BRIGHTNESS) * np.float32(gain)
        return images

    def ct(self, rng: np.random.Generator) -> Array:
        labels = self.anatomy.seen("CT")
        hu, spread = (self._mean(labels, lambda t: t.hu), self._mean(labels, lambda t: t.spread))
        return acquire_ct(rng, hu, spread, self.settings)

    def pet(self, rng: np.random.Generator) -> Array:
        return acquire_pet(rng, self._mean(self.anatomy.seen("PET"), lambda t: t.suv), self.settings)

    def _mean(self, labels: Labels, quantity: Callable[[Tissue], float]) -> Array:
        return averaged(labels, {label: quantity(tissue) for label, tissue in self.tissues.items()})
