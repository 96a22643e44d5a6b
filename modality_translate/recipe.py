"""Recipes: one experiment as typed, frozen settings, read from TOML. Every field has one default, written here."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from modality_translate.errors import RecipeError
from modality_translate.intensities.modality import ModalityName
from modality_translate.intensities.scaling import Scaling
from modality_translate.pipeline.spec import Channel, Millimetres, Spec, Tiling
from modality_translate.settings import Settings


class Phantom(Settings):
    """Volumes the project makes itself, so that a recipe runs without any data."""

    subjects: int = Field(8, ge=2)
    held_out: int = Field(2, ge=1)
    """How many of the subjects are never trained on."""
    seed: int = 0
    spacing: float = Field(2.0, gt=0)
    """Isotropic voxel size in mm."""


class Data(Settings):
    """Where the volumes are and which ones are held out."""

    source: str = ""
    """Folder, or pattern with one `*` that stands for the case, such as "data/*/mr.nii.gz"; relative to the recipe."""
    target: str = ""
    pairs: str = ""
    """CSV with the columns case, source and target (files relative to the CSV), instead of matching by name: `source`
    and `target` are then not searched. Relative to the recipe."""
    phantom: Phantom | None = None
    """Make phantom volumes instead of reading a folder."""
    paired: bool = True
    """Source and target of a case show the same anatomy; matched by case name."""
    held_out: tuple[str, ...] = ()
    """Cases never trained on nor used to choose weights; scored at the end."""
    validation: int = Field(1, ge=0)
    """How many of the remaining cases choose the best weights; drawn by the seed."""

    @model_validator(mode="after")
    def _has_volumes(self) -> Data:
        if self.phantom is None and not self.pairs and not (self.source and self.target):
            raise ValueError("both data.source and data.target are needed, or data.pairs, or a [data.phantom] table")
        return self


class Side(Settings):
    """One side of the translation."""

    modality: ModalityName
    scaling: Scaling | None = None
    """The modality's default when left out."""

    def channel(self) -> Channel:
        return Channel.of(self.modality, self.scaling)


class Geometry(Settings):
    """The grid and the patches the network sees."""

    spacing: Millimetres | None = None
    """Voxel size along R, A, S in mm; the training sources' median when left out."""
    dims: Literal[2, 3] = 2
    """2: slice by slice along the body axis; 3: volumetric patches."""
    context: int = Field(1, ge=1)
    """Number of neighbouring slices a 2D network sees (odd)."""
    patch: tuple[int, ...] = (128, 128)
    """Two sizes for dims = 2, three for dims = 3."""
    overlap: float = Field(0.5, ge=0, lt=1)

    @model_validator(mode="after")
    def _consistent(self) -> Geometry:
        if len(self.patch) != self.dims:
            raise ValueError(f"patch {self.patch} needs {self.dims} sizes because dims = {self.dims}")
        if self.context % 2 == 0:
            raise ValueError(f"context {self.context} must be odd: the middle slice is the one translated")
        if self.dims == 3 and self.context != 1:
            raise ValueError("context is for dims = 2 only; a 3D patch has its own depth")
        return self

    def tiling(self) -> Tiling:
        """Patch and halo in (X, Y, Z): a 2D network takes `context` slices and gives the middle one."""
        if self.dims == 3:
            x, y, z = self.patch
            return Tiling(patch=(x, y, z), overlap=self.overlap)
        x, y = self.patch
        return Tiling(patch=(x, y, self.context), halo=(0, 0, self.context // 2), overlap=self.overlap)


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
    lie well on each other. Without pairs: cyclegan, cut."""
    l1: float = Field(100.0, ge=0)
    """Pairs: weight of the absolute error in the network's range (reggan: after registration)."""
    ssim: float = Field(0.0, ge=0)
    """Pairs: weight of 1 - SSIM."""
    gradient: float = Field(0.0, ge=0)
    """Weight of the gradient difference: to the target (pairs), to the source's edges (cyclegan, cut)."""
    outside: float = Field(0.1, ge=0, le=1)
    """Pairs: weight of a voxel outside the body, where one inside has 1. Scores are taken inside, and an MR that
    ends before the patient does would otherwise be learnt as air."""
    tissue: float = Field(1.0, ge=1)
    """Pairs with CT as the target: weight of a voxel of bone, or of air inside the body, where soft tissue has 1."""
    smooth: float = Field(10.0, ge=0)
    """reggan: weight of the squared differences between neighbouring displacements."""
    registration_from: float = Field(0.1, ge=0, le=1)
    """reggan: fraction of the steps after which translations are registered before they are compared."""
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
    minutes: float | None = Field(None, gt=0)
    """Wall-clock budget: the schedule is stretched over whichever ends first, steps or minutes."""
    ema: float = Field(0.999, ge=0, lt=1)
    """Decay of the running average of the weights that is validated and exported; 0 exports the raw weights."""
    validate_every: int = Field(500, ge=1)
    checkpoint_every: int = Field(500, ge=1)
    precision: Literal["32", "bf16", "16"] = "32"
    tensorboard: bool = False
    """Write the scalars of metrics.csv to RUN/tensorboard/ as well."""


class Augmentation(Settings):
    """Random changes of training patches. Spatial ones are the same for source and target of a pair."""

    flip: bool = True
    """Mirror left-right."""
    rotate: float = Field(0.0, ge=0, le=180)
    """Largest in-plane rotation, in degrees."""
    scale: float = Field(0.0, ge=0, lt=1)
    """Largest relative zoom."""
    moved: float = Field(0.3, ge=0, le=1)
    """Share of the patches that are rotated and zoomed: interpolation blurs them, and what is translated is sharp."""
    mr_gamma: float = Field(0.0, ge=0, lt=1)
    """Largest relative change of the MR contrast curve (MR sources only; targets are never altered)."""
    mr_bias: float = Field(0.0, ge=0, lt=1)
    """Strength of a smooth multiplicative MR field (MR sources only)."""
    noise: float = Field(0.0, ge=0)
    """Standard deviation of noise added to the source, in the network's range."""


class Recipe(Settings):
    """One experiment, whole."""

    name: str
    seed: int = Field(0, ge=0)
    data: Data
    source: Side
    target: Side
    geometry: Geometry = Geometry()
    generator: Generator = Generator()
    discriminator: Discriminator = Discriminator()
    objective: Objective = Objective()
    optimiser: Optimiser = Optimiser()
    training: Training = Training()
    augmentation: Augmentation = Augmentation()

    def spec(self, backward: bool = False) -> Spec:
        """The contract of the trained model; `backward` swaps the roles (cyclegan's second direction)."""
        source, target = self.source.channel(), self.target.channel()
        if backward:
            source, target = target, source
        return Spec(
            name=f"{self.name}-backward" if backward else self.name,
            source=source,
            target=target,
            spacing=self.geometry.spacing,
            tiling=self.geometry.tiling(),
        )


def read_recipe(path: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """The recipe in `path` (TOML) with dotted overrides such as "optimiser.lr=1e-4" put over it.

    Raises `RecipeError` for text that is not TOML, unknown keys (naming the nearest known one) and bad values.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = "Give a recipe (.toml), or two folders with -a and -b."
        raise RecipeError(path, "there is no such file.", remedy) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(path, f"is not a readable TOML file ({error}).") from error
    values.setdefault("name", path.stem)
    return recipe_from(apply_overrides(values, overrides), str(path))


def recipe_from(values: dict[str, Any], origin: str) -> Recipe:
    """A checked recipe from plain values; `origin` names them in errors."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(origin, "; ".join(_explain(e) for e in error.errors())) from error


def apply_overrides(values: dict[str, Any], overrides: tuple[str, ...]) -> dict[str, Any]:
    """`values` with each "table.key=value" set; the value is read as TOML, or as text where it is none."""
    result = {key: dict(value) if isinstance(value, dict) else value for key, value in values.items()}
    for override in overrides:
        dotted, equals, text = override.partition("=")
        if not equals or not dotted:
            raise RecipeError(override, "is not of the form table.key=value.", "For example --set optimiser.lr=1e-4")
        *tables, key = dotted.strip().split(".")
        place = result
        for table in tables:
            place = place.setdefault(table, {})
            if not isinstance(place, dict):
                raise RecipeError(override, f"{table} is a value, not a table.")
        place[key] = _toml_value(text.strip())
    return result


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _explain(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        return f"{place}: {error['msg']}"
    nearest = difflib.get_close_matches(str(error["loc"][-1]), _known_keys(Recipe), n=1)
    return f"unknown key {place}" + (f"; did you mean {nearest[0]}?" if nearest else "")


def _known_keys(settings: type[Settings]) -> list[str]:
    keys = list(settings.model_fields)
    for field in settings.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            keys += _known_keys(field.annotation)
    return keys
