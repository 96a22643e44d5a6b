"""Generators and discriminators, by name, what trains beside them, and the generator between host units."""

from modality_translate.networks.discriminators import DISCRIMINATORS, build_discriminator
from modality_translate.networks.encoding import Projections, encode, encoded_channels
from modality_translate.networks.generators import GENERATORS, build_generator
from modality_translate.networks.registration import Registration, warp
from modality_translate.networks.scaled import ScaledGenerator
from modality_translate.networks.segmentation import Segmenter

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "Projections",
    "Registration",
    "ScaledGenerator",
    "Segmenter",
    "build_discriminator",
    "build_generator",
    "encode",
    "encoded_channels",
    "warp",
]
