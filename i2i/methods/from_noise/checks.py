"""Settings that a GAN from noise cannot have together, each refused with the way out."""

from __future__ import annotations

from ...errors import ConfigError
from .config import FromNoiseConfig


def check(config: FromNoiseConfig) -> None:
    """Raises ConfigError for settings that these networks cannot have, with the way out."""
    if config.conditional and config.classes < 2:
        raise ConfigError("conditional=true generates by class, and the data has one class alone. Leave it out.")
    if not config.conditional and (
        config.generator.name == "conditional_mlp" or config.generator.options.get("shared")
    ):
        raise ConfigError(
            f"The generator {config.generator.name!r} with these options is told a class. Add --set conditional=true."
        )
    if config.gan.augment and config.discriminator.name == "voxels":
        raise ConfigError("gan.augment changes pictures, and the networks 'voxels' are for volumes. Leave it out.")
    if config.gan.augment and config.sides == (1, 1):
        raise ConfigError("gan.augment changes pictures, and points have no sides to be changed. Leave it out.")
    if config.batch % config.packed:
        up = -(-config.batch // config.packed) * config.packed
        raise ConfigError(
            f"D sees {config.packed} pictures at once, which divide no batch of {config.batch}. Use --batch {up}."
        )
    if config.packed > 1 and (config.images or 0) % config.packed:
        raise ConfigError(
            f"D sees {config.packed} pictures at once, so the length of the run is a multiple of that. "
            f"Use --images {-(-(config.images or 0) // config.packed) * config.packed}."
        )
    if config.packed > 1 and config.reconstruction:
        raise ConfigError("A discriminator that draws sees one picture at a time. Leave packed or reconstruction out.")
    if config.gan.feature_matching and config.discriminator.name == "conditional_mlp":
        raise ConfigError("gan.feature_matching compares features, and conditional_mlp has none. Leave it out.")
    if config.gan.feature_matching and config.discriminator.name == "lapgan" and config.conditional:
        raise ConfigError(
            "gan.feature_matching compares features of pictures, and lapgan's by class are of the class as well. "
            "Leave gan.feature_matching or conditional out."
        )
    if config.conditional and config.packed > 1:
        raise ConfigError("D sees one class at a time, so packed=1 goes with conditional=true. Leave one of them out.")
    if config.conditional and config.gan.pool:
        raise ConfigError("A pool of past fakes does not know their classes. Leave gan.pool or conditional out.")
    if config.minibatch_std and config.discriminator.name in ("progan", "stylegan2"):
        raise ConfigError(
            f"The discriminator {config.discriminator.name!r} sees how its batch differs already. Leave minibatch_std "
            "out."
        )
    if (config.minibatch_std or config.minibatch_kernels) and config.batch // config.packed < 2:
        raise ConfigError(
            "minibatch_std and minibatch_kernels compare the pictures of a batch, and D sees one alone. "
            f"Use --batch {4 * config.packed}, or leave them out."
        )
    if config.minibatch_kernels and config.gan.weight_clipping:
        raise ConfigError(
            "gan.weight_clipping would clip the scale of minibatch_kernels, and all pictures would count as near. Use "
            "--set gan.weight_clipping=0 --set gan.gradient_penalty=10, or leave minibatch_kernels out."
        )
    unbounded = config.minibatch_std or config.minibatch_kernels
    if (
        unbounded
        and config.gan.loss == "wasserstein"
        and not (config.gan.weight_clipping or config.gan.gradient_penalty)
    ):
        raise ConfigError(
            "Spectral normalisation does not bound minibatch_std and minibatch_kernels, and the wasserstein loss needs "
            "a bounded D. Add --set gan.gradient_penalty=10, or leave them out."
        )
    for name, value in (("mixing", config.mixing), ("path_length", config.path_length)):
        if value and config.generator.name != "stylegan2":
            raise ConfigError(
                f"{name} is for generators with a w. Use --set generator.name=stylegan2, or leave it out."
            )
    if config.reconstruction and config.discriminator.name != "fastgan":
        raise ConfigError(
            "reconstruction is for a discriminator that draws. Use --set discriminator.name=fastgan, or leave it out."
        )
    if config.d_rests_above < 1 and config.generator.name == "lapgan":
        raise ConfigError("LAPGAN has a D at each level, and d_rests_above is for one alone. Leave it out.")
    if "lapgan" in (config.generator.name, config.discriminator.name):
        sides = [one.options.get("sides") for one in (config.generator, config.discriminator)]
        if config.generator.name != config.discriminator.name or sides[0] != sides[1]:
            raise ConfigError(
                "LAPGAN's generator and discriminator have the same levels. Use --set generator.name=lapgan "
                "--set discriminator.name=lapgan, and the same sides for both, or for none."
            )
