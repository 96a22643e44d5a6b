"""A trained reference on whole volumes, slice by slice as published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from modality_translate import Volume
from reference.networks import ResNet9, UNet256
from reference.slices import SIZE, from_network, hounsfield, mr_bytes, resized, to_network
from reference.train import WEIGHTS

GENERATORS: dict[str, Callable[[], nn.Module]] = {"pix2pix": UNet256, "cyclegan": ResNet9}
STATISTICS = {"pix2pix": ("running", "batch"), "cyclegan": ("own",)}
"""How normalisation can be used in testing. Pix2Pix: by the training's running averages, or by those of each image and
with dropout, as the reference's own test does. CycleGAN's instance normalisation has one way only."""


def translator(kind: str, folder: Path, statistics: str, device: torch.device) -> Callable[[Volume], Volume]:
    """MR to CT in HU, on the MR's grid, by the weights in `folder`."""
    generator = GENERATORS[kind]()
    generator.load_state_dict(load_file(folder / WEIGHTS))
    generator.to(device).train(statistics == "batch")
    return lambda volume: translate(generator, volume, device)


@torch.inference_mode()
def translate(generator: nn.Module, volume: Volume, device: torch.device) -> Volume:
    torch.manual_seed(0)
    slices = mr_bytes(volume)
    square = resized(slices, (SIZE, SIZE))
    synthetic = torch.cat([_one(generator, image[None], device) for image in square])
    return hounsfield(resized(synthetic, slices.shape[2:]), volume)


def _one(generator: nn.Module, image: Tensor, device: torch.device) -> Tensor:
    return from_network(generator(to_network(image).to(device)).cpu())
