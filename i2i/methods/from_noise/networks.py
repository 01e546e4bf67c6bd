"""Both networks of a GAN from noise, built from the settings."""

from __future__ import annotations

from ...networks.from_noise import CRITICS, NOISE_GENERATORS, build_for
from ...networks.from_noise.across import see_across_batch
from ...networks.from_noise.base import Critic, NoiseGenerator
from .config import FromNoiseConfig


def generator_of(config: FromNoiseConfig) -> NoiseGenerator:
    """G by name; raises ConfigError for what it cannot be."""
    return build_for(
        NOISE_GENERATORS, "generator", config.generator.name, channels_of(config), config.sides, config.classes,
        config.generator.options,
    )  # fmt: skip


def critic_of(config: FromNoiseConfig) -> Critic:
    """D by name, of packs of pictures, with what it sees of its batch; raises ConfigError for what it cannot be."""
    channels = config.packed * channels_of(config)
    D = build_for(
        CRITICS, "discriminator", config.discriminator.name, channels, config.sides, config.classes,
        config.discriminator.options,
    )  # fmt: skip
    if config.minibatch_std or config.minibatch_kernels:
        sides = (config.size,) * 3 if config.discriminator.name == "voxels" else config.sides
        see_across_batch(D, channels, sides, std=config.minibatch_std, kernels=config.minibatch_kernels)
    return D


def channels_of(config: FromNoiseConfig) -> int:
    """Of a picture: 1, 3, or 4 with alpha."""
    (channels,) = config.data.channels_of("image")
    return channels
