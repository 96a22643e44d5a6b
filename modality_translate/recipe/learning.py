"""What a recipe says of the learning: networks, objective, optimiser and schedule."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from modality_translate.settings import Settings

Precision = Annotated[
    Literal["32", "bf16", "16"], BeforeValidator(lambda given: str(given) if type(given) is int else given)
]
"""Of the numbers a training computes with; 32 and 16 may be written without quotes."""


class Generator(Settings):
    """The translating network."""

    kind: str = "residual_unet"
    width: int = Field(16, ge=1)
    """Channels of the first level."""
    levels: int = Field(4, ge=1)
    """Resolution levels of a U-Net; down-samplings of a ResNet generator."""
    blocks: int = Field(2, ge=1)
    """Residual blocks: per level of a residual U-Net, at the lowest resolution of a ResNet generator."""
    norm: Literal["batch", "instance", "none"] = "batch"
    """Batch statistics are fixed at inference, so that the output does not depend on the tiling."""
    dropout: float = Field(0.0, ge=0, lt=1)


class Discriminator(Settings):
    """The network that tells real from synthetic."""

    kind: str = "patch"
    width: int = Field(32, ge=1)
    layers: int = Field(3, ge=1)
    norm: Literal["batch", "instance", "spectral", "none"] = "instance"
    """spectral: none of the images; the weights' spectra are held instead, which keeps the game stable."""


OBJECTIVE_DEFAULTS: dict[str, dict[str, float]] = {
    "hybrid": {"ssim": 5.0, "adversarial_from": 0.7, "adversarial_ramp": 0.1, "r1": 1.0},
    "reggan": {"l1": 20.0},
    "cut": {"identity": 1.0},
}
"""By kind of objective: settings that start from another value than the fields' own."""


class Objective(Settings):
    """What is optimised. Weights of terms that an objective does not have are refused there.

    What is left out is filled in at once by `kind`, so that a recipe which is written again is explicit.
    """

    kind: str = "pix2pix"
    """For pairs: pix2pix; hybrid, the same with its adversarial term gentle and late; reggan, for pairs that do not
    lie well on each other and are registered first (see `data.registration`). Without pairs: cyclegan, cut."""
    l1: float = Field(100.0, ge=0)
    """Pairs: weight of the absolute error in the network's range (reggan: after registration)."""
    ssim: float = Field(0.0, ge=0)
    """Pairs: weight of 1 - SSIM."""
    gradient: float = Field(0.0, ge=0)
    """Weight of the gradient difference: to the target (pairs), to the source's edges (cyclegan, cut)."""
    body: float = Field(0.0, ge=0)
    """cyclegan, cut: weight of what a translation shows outside the body of what was given instead of air."""
    perceptual: float = Field(0.0, ge=0)
    """Pairs: weight of the difference between the features of a small segmentation network, which is trained on this
    run's targets first (on intensity classes that it finds in them)."""
    perceptual_from: float = Field(0.2, ge=0, le=1)
    """Pairs: fraction of the steps after which that network is frozen and used."""
    outside: float = Field(0.1, ge=0, le=1)
    """Pairs: weight of a voxel outside the body, where one inside has 1. Scores are taken inside, and an MR that
    ends before the patient does would otherwise be learnt as air."""
    tissue: float = Field(1.0, ge=1)
    """Pairs with CT as the target: weight of a voxel of bone, or of air inside the body, where soft tissue has 1."""
    smooth: float = Field(10.0, ge=0)
    """reggan: weight of the squared differences between neighbouring displacements."""
    still: float = Field(0.3, ge=0)
    """reggan: weight of the squared length of the displacements, in voxels. Without it, translations may drift into
    shapes that all fields undo alike."""
    registration_from: float = Field(0.3, ge=0, le=1)
    """reggan: fraction of the steps after which translations are registered to the targets before they are compared."""
    registration_reach: float = Field(8.0, gt=0)
    """reggan: largest displacement along an axis, in voxels."""
    adversarial: float = Field(1.0, ge=0)
    """Weight of the adversarial term (least squares)."""
    adversarial_from: float = Field(0.0, ge=0, le=1)
    """Pairs: fraction of the steps after which the adversarial term is switched on."""
    adversarial_ramp: float = Field(0.0, ge=0, le=1)
    """Pairs: fraction of the steps over which its weight then rises to the full one."""
    r1: float = Field(0.0, ge=0)
    """Weight of the discriminators' squared gradient at real images, which keeps the game stable."""
    cycle: float = Field(10.0, ge=0)
    """cyclegan: weight of the error there and back."""
    identity: float = Field(5.0, ge=0)
    """Weight of what a generator changes in images that are of its target already (cut: by its encoder's features)."""
    nce: float = Field(1.0, ge=0)
    """cut: weight of PatchNCE, which ties each place of the translation to the same place of the source."""
    pool: int = Field(50, ge=0)
    """cyclegan: how many earlier synthetic patches the discriminators are shown again."""

    @model_validator(mode="before")
    @classmethod
    def _of_its_kind(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return OBJECTIVE_DEFAULTS.get(str(values.get("kind")), {}) | values


class Optimiser(Settings):
    """Adam for every network."""

    lr: float = Field(2e-4, gt=0)
    discriminator_lr: float | None = Field(None, gt=0)
    """The generator's rate when left out."""
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = Field(0.0, ge=0)
    warmup: int = Field(0, ge=0)
    """Steps over which the rate rises linearly from zero."""
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    """linear: constant for the first half, then down to zero."""
    clip: float = Field(0.0, ge=0)
    """Largest norm of the generator's gradient; 0 leaves it alone."""


class Training(Settings):
    """How long, how much at once, and how often to look."""

    steps: int = Field(2000, ge=1)
    batch: int = Field(8, ge=1)
    """Patches per step, over all devices together: what is learnt does not depend on how many there are."""
    accumulate: int = Field(1, ge=1)
    """Equal parts in which a batch is computed, one after another, to save memory; the step follows the mean of their
    gradients. `batch` must be a multiple of accumulate times the number of devices."""
    minutes: float | None = Field(None, gt=0)
    """Wall-clock budget, preparing and registering the volumes included: the schedule is stretched over whichever ends
    first, steps or minutes."""
    ema: float = Field(0.999, ge=0, lt=1)
    """Decay of the running average of the weights that is validated and exported; 0 exports the raw weights."""
    keep: Literal["last", "best"] = "last"
    """Which averaged weights are exported: those of the last validation, or of the one with the lowest MAE. Choosing by
    few cases chooses by chance, and a rate that falls to zero makes the last ones the best trained."""
    validate_every: int = Field(500, ge=1)
    checkpoint_every: int = Field(500, ge=1)
    precision: Precision = "32"
    tensorboard: bool = False
    """Write the scalars of metrics.csv to RUN/tensorboard/ as well."""

    @property
    def at_once(self) -> int:
        """Patches that are computed at one time, over all devices."""
        return self.batch // self.accumulate

    @model_validator(mode="after")
    def _divisible(self) -> Training:
        if self.batch % self.accumulate:
            raise ValueError(f"batch = {self.batch} is not a multiple of accumulate = {self.accumulate}")
        return self
