"""The generators one can name in a recipe.

MONAI takes longer to import than torch, so only its own networks do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from modality_translate import recipe
from modality_translate.errors import RecipeError
from modality_translate.networks.layers import Layers, widths
from modality_translate.networks.residual_unet import ResidualUNet
from modality_translate.networks.resnet import ResNet
from modality_translate.networks.slices import SliceStack
from modality_translate.networks.unet import UNet

MONAI_NORMS = {"batch": "batch", "instance": ("instance", {"affine": True}), "none": ""}


class Architecture(NamedTuple):
    """How a generator is built, and what it asks of its settings."""

    build: Callable[[recipe.Generator, Layers, int], nn.Module]
    """(settings, layers, input channels) to a network (N, channels, *size) to (N, 1, *size)."""
    halvings: Callable[[recipe.Generator], int]
    """How often the size is halved: every patch size must be a multiple of 2 to this power."""
    least_levels: int = 1


def _residual_unet(settings: recipe.Generator, layers: Layers, channels: int) -> nn.Module:
    return ResidualUNet(layers, channels, settings.width, settings.levels, settings.blocks)


def _unet(settings: recipe.Generator, layers: Layers, channels: int) -> nn.Module:
    return UNet(layers, channels, settings.width, settings.levels)


def _resnet(settings: recipe.Generator, layers: Layers, channels: int) -> nn.Module:
    return ResNet(layers, channels, settings.width, settings.levels, settings.blocks)


def _monai_unet(settings: recipe.Generator, layers: Layers, channels: int) -> nn.Module:
    from monai.networks.nets import UNet as MonaiUNet

    return MonaiUNet(
        spatial_dims=layers.dims,
        in_channels=channels,
        out_channels=1,
        channels=widths(settings.width, settings.levels),
        strides=[2] * (settings.levels - 1),
        num_res_units=settings.blocks,
        norm=MONAI_NORMS[settings.norm],
        dropout=settings.dropout,
    )


def _monai_dynunet(settings: recipe.Generator, layers: Layers, channels: int) -> nn.Module:
    from monai.networks.nets import DynUNet

    halvings = [2] * (settings.levels - 1)
    network = DynUNet(
        spatial_dims=layers.dims,
        in_channels=channels,
        out_channels=1,
        kernel_size=[3] * settings.levels,
        strides=[1, *halvings],
        upsample_kernel_size=halvings,
        filters=widths(settings.width, settings.levels),
        norm_name=MONAI_NORMS[settings.norm],
        dropout=settings.dropout,
        res_block=True,
    )
    network.register_forward_pre_hook(_in_channel_planes)
    return network


def _in_channel_planes(_network: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    # In the backward pass oneDNN (torch 2.13, seen on an AMD EPYC) corrupts the heap at its strided convolutions where
    # the channels lie next to each other in memory, as those of slices do.
    return inputs[0].clone(memory_format=torch.contiguous_format)


def _between_levels(settings: recipe.Generator) -> int:
    return settings.levels - 1


def _levels(settings: recipe.Generator) -> int:
    return settings.levels


GENERATORS = {
    "residual_unet": Architecture(_residual_unet, _between_levels),
    "unet": Architecture(_unet, _between_levels, least_levels=2),
    "resnet": Architecture(_resnet, _levels),
    "monai_unet": Architecture(_monai_unet, _between_levels, least_levels=2),
    "monai_dynunet": Architecture(_monai_dynunet, _between_levels, least_levels=3),
}


def build_generator(generator: recipe.Generator, geometry: recipe.Geometry) -> nn.Module:
    """A network from patches (N, 1, X, Y, Z) to (N, 1, X - 2 hx, Y - 2 hy, Z - 2 hz), h the halo of the tiling.

    Input is in [-1, 1]; the output is meant to be, but comes from a linear head. Weights are drawn from torch's
    global random state. Raises `RecipeError` for an unknown kind and for sizes that the network cannot halve.
    """
    if generator.kind not in GENERATORS:
        raise RecipeError(
            "generator.kind", f"{generator.kind!r} is unknown.", f"Choose one of: {', '.join(GENERATORS)}."
        )
    architecture = GENERATORS[generator.kind]
    _check_levels(generator, architecture)
    _check_patch(generator, architecture.halvings(generator), geometry)
    layers = Layers(geometry.dims, generator.norm, generator.dropout)
    network = architecture.build(generator, layers, geometry.context)
    return SliceStack(network) if geometry.dims == 2 else network


def _check_levels(generator: recipe.Generator, architecture: Architecture) -> None:
    if generator.levels < architecture.least_levels:
        reason = f"{generator.kind} needs at least {architecture.least_levels} levels, not {generator.levels}."
        raise RecipeError("generator.levels", reason)


def _check_patch(generator: recipe.Generator, halvings: int, geometry: recipe.Geometry) -> None:
    multiple = 2**halvings
    which = f"{generator.kind} with {generator.levels} levels"
    if any(size % multiple for size in geometry.patch):
        reason = f"{geometry.patch} does not fit {which}: every size must be a multiple of {multiple}."
        raise RecipeError("geometry.patch", reason, "Change the patch, or lower generator.levels.")
    if all(size == multiple for size in geometry.patch) and generator.norm != "none":
        reason = f"{geometry.patch} shrinks to a single voxel in {which}, which cannot be normalised."
        raise RecipeError("geometry.patch", reason, "Enlarge the patch, or lower generator.levels.")
