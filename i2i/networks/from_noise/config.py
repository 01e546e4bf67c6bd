"""The settings of both networks of a GAN from noise: a name, and options of that network."""

from __future__ import annotations

from ..config import NetworkConfig
from . import CRITICS, NOISE_GENERATORS


class NoiseGeneratorConfig(NetworkConfig):
    """The generator by name, and its options."""

    kind = "generator"
    table = NOISE_GENERATORS

    name: str = "dcgan"
    """A name of NOISE_GENERATORS."""


class CriticConfig(NetworkConfig):
    """The discriminator by name, and its options."""

    kind = "discriminator"
    table = CRITICS

    name: str = "dcgan"
    """A name of CRITICS."""
