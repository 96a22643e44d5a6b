"""Generators and discriminators, by name, and the generator between host units."""

from modality_translate.networks.discriminators import DISCRIMINATORS, build_discriminator
from modality_translate.networks.generators import GENERATORS, build_generator
from modality_translate.networks.scaled import ScaledGenerator

__all__ = ["DISCRIMINATORS", "GENERATORS", "ScaledGenerator", "build_discriminator", "build_generator"]
