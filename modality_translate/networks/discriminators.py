"""The discriminators one can name in a recipe: MONAI's patch discriminators behind one interface.

It is imported when one is built, as it takes longer than torch and training without a discriminator needs none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from modality_translate import recipe
from modality_translate.errors import RecipeError

MONAI_NORMS = {"batch": "batch", "instance": "instance", "spectral": None, "none": None}

SCALES = 2
"""Sub-discriminators of "multiscale_patch"; each sees a field twice as deep in layers as the one before."""


class Judge(NamedTuple):
    """How a discriminator is built, and how often it halves the image."""

    build: Callable[[recipe.Discriminator, recipe.Geometry, int], nn.Module]
    """(settings, geometry, input channels) to a network (N, channels, *size) to a list of maps of scores."""
    halvings: Callable[[recipe.Discriminator], int]


class LastMap(nn.Module):
    """The scores of a MONAI discriminator that returns its feature maps with the scores last."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.network(x)[-1]]


class EveryScale(nn.Module):
    """The scores of each scale of a MONAI discriminator that returns them with its feature maps."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> list[Tensor]:
        scores, _ = self.network(x)
        return scores


class OneSlice(nn.Module):
    """A 2D network on patches of depth one, (N, channels, X, Y, 1)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.network(x.squeeze(-1))


def _patch(settings: recipe.Discriminator, geometry: recipe.Geometry, channels: int) -> nn.Module:
    from monai.networks.nets import PatchDiscriminator

    return LastMap(
        PatchDiscriminator(
            spatial_dims=geometry.dims,
            channels=settings.width,
            in_channels=channels,
            num_layers_d=settings.layers,
            norm=MONAI_NORMS[settings.norm],
            bias=MONAI_NORMS[settings.norm] is None,
        )
    )


def _multiscale_patch(settings: recipe.Discriminator, geometry: recipe.Geometry, channels: int) -> nn.Module:
    from monai.networks.nets import MultiScalePatchDiscriminator

    return EveryScale(
        MultiScalePatchDiscriminator(
            num_d=SCALES,
            num_layers_d=settings.layers,
            spatial_dims=geometry.dims,
            channels=settings.width,
            in_channels=channels,
            norm=MONAI_NORMS[settings.norm],
            bias=MONAI_NORMS[settings.norm] is None,
            minimum_size_im=min(geometry.patch),
        )
    )


DISCRIMINATORS = {
    "patch": Judge(_patch, lambda settings: settings.layers),
    "multiscale_patch": Judge(_multiscale_patch, lambda settings: SCALES * settings.layers),
}


def build_discriminator(settings: recipe.Discriminator, geometry: recipe.Geometry, channels: int) -> nn.Module:
    """A network from `channels` patches of the tiling's core size to a list of maps of real-or-synthetic scores.

    Input (N, channels, X, Y, Z), Z = 1 for dims = 2. Raises `RecipeError` for an unknown kind and for patches that
    leave nothing to score.
    """
    if settings.kind not in DISCRIMINATORS:
        choices = ", ".join(DISCRIMINATORS)
        raise RecipeError("discriminator.kind", f"{settings.kind!r} is unknown.", f"Choose one of: {choices}.")
    judge = DISCRIMINATORS[settings.kind]
    # The last two convolutions take one voxel each, and a normalisation needs more than one to look at.
    least = 3 * 2 ** judge.halvings(settings)
    if min(geometry.patch) < least:
        reason = (
            f"{geometry.patch} is too small for {settings.kind} with {settings.layers} layers, which needs {least}."
        )
        raise RecipeError("geometry.patch", reason, "Enlarge the patch, or lower discriminator.layers.")
    network = judge.build(settings, geometry, channels)
    if settings.norm == "spectral":
        _normalise_spectra(network)
    return OneSlice(network) if geometry.dims == 2 else network


def _normalise_spectra(network: nn.Module) -> None:
    """Hold the largest singular value of every convolution at 1 (Miyato et al., ICLR 2018)."""
    for module in list(network.modules()):
        if isinstance(module, (nn.Conv2d, nn.Conv3d)):
            spectral_norm(module)
