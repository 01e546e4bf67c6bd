"""The networks by name. A new one is a file in this folder and a line in a table here; see CONTRIBUTING.md.

A generator takes `(in_channels, out_channels, **its own options)` and says of itself, as attributes: `multiple`
and `smallest` (pixels a side of its input), `receptive_field` (pixels a side) and `tiling` (`local` or `global`,
as in the model card); one that enlarges also takes and says its `scale`. A discriminator takes `(in_channels, **its
own options)` and says its `smallest` input; one that is made for a size of picture takes that `size`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, cast

from torch import nn

from ..errors import ConfigError, UnknownNameError
from .compact import CompactNetwork
from .disco import DiscoDiscriminator, DiscoGenerator
from .judging import couples_batch
from .norms import NORMS, as_served
from .patchgan import PatchDiscriminator, PixelDiscriminator
from .resnet import ResnetGenerator
from .rrdb import RRDBNet
from .srresnet import MSRResNet, SRResNet
from .unet import UNet
from .unet_judge import UNetDiscriminator
from .up import UPSAMPLERS, ShuffleConv2d
from .vgg_judge import VggDiscriminator

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "as_served",
    "build",
    "check_size",
    "complete",
    "couples_batch",
    "init_normal",
    "require",
    "takes",
    "unet_for",
]

GENERATORS: dict[str, Callable[..., nn.Module]] = {
    "unet16": partial(UNet, depth=4),
    "unet32": partial(UNet, depth=5),
    "unet64": partial(UNet, depth=6),
    "unet128": partial(UNet, depth=7),
    "unet256": partial(UNet, depth=8),
    "unet512": partial(UNet, depth=9),
    "restorer": partial(UNet, depth=5, width=32, dropout=0.0, up="resize", residual=True),
    "resnet6": partial(ResnetGenerator, blocks=6),
    "resnet9": partial(ResnetGenerator, blocks=9),
    "disco": partial(DiscoGenerator, bottleneck=False),
    "disco_bottleneck": partial(DiscoGenerator, bottleneck=True),
    "srresnet": SRResNet,
    "msrresnet": MSRResNet,
    "rrdbnet": RRDBNet,
    "compact": CompactNetwork,
}

DISCRIMINATORS: dict[str, Callable[..., nn.Module]] = {
    "patch": PatchDiscriminator,
    "pixel": PixelDiscriminator,
    "disco": DiscoDiscriminator,
    "vgg": VggDiscriminator,
    "unet": UNetDiscriminator,
}


def build(
    table: dict[str, Callable[..., nn.Module]],
    kind: str,
    name: str,
    channels: tuple[int, ...],
    options: Mapping[str, Any],
) -> nn.Module:
    """The network called `name` in `table`, initialised as it pleases; options that are None keep its defaults.

    Raises UnknownNameError for the name, ConfigError for an option that this network does not have.
    """
    require(kind, name, table)
    given = {key: value for key, value in options.items() if value is not None}
    known = inspect.signature(table[name]).parameters
    for key, value in given.items():
        if key not in known:
            raise ConfigError(f"The {kind} {name!r} has no {key!r} to set to {value!r}; leave {kind}.{key} out.")
    if "norm" in given:
        require("norm", given["norm"], NORMS)
    if "up" in given:
        require("upsampler", given["up"], UPSAMPLERS)
    return table[name](*channels, **given)


def complete(table: Mapping[str, Callable[..., nn.Module]], name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """`options` with the network's own default for each that is None; what the network does not have stays None."""
    known = inspect.signature(table[name]).parameters
    return {key: known[key].default if value is None and key in known else value for key, value in options.items()}


def takes(table: Mapping[str, Callable[..., nn.Module]], name: str, option: str) -> bool:
    """Whether there is a network called `name`, and it has this option."""
    return name in table and option in inspect.signature(table[name]).parameters


def require(kind: str, name: str, table: Collection[str]) -> None:
    """Raises UnknownNameError when `name` is not in `table`."""
    if name not in table:
        raise UnknownNameError(kind, name, table)


def check_size(size: int, generator: nn.Module, discriminator: nn.Module | None, scale: int = 1, also: int = 1) -> None:
    """Raises ConfigError when crops of `size` pixels, which `generator` makes of size / scale, do not suit the two.

    `also` is what a discriminator that is not built yet wants sizes to be a multiple of.
    """
    multiple = math.lcm(scale * cast(int, generator.multiple), also)
    smallest = scale * cast(int, generator.smallest)
    if size % multiple or size < smallest:
        nearest = max(-(-smallest // multiple) * multiple, round(size / multiple) * multiple)
        fault = f"{size} is less" if size < smallest else f"{size} is none"
        which = "This generator needs" if also == 1 else "Generator and discriminator need"
        raise ConfigError(
            f"{which} sizes that are multiples of {multiple}, from {smallest} on; {fault}. Try --size {nearest}."
        )
    needed = 0 if discriminator is None else cast(int, discriminator.smallest)
    if size < needed:
        raise ConfigError(
            f"This discriminator needs pictures of {needed} pixels or more; the size is {size}. Try --size {needed}, "
            "or one that sees less: --set discriminator.name=patch --set discriminator.layers=2."
        )


def unet_for(size: int) -> str:
    """The deepest U-Net, up to the paper's `unet256`, whose multiple divides `size` pixels.

    Raises ConfigError when none does.
    """
    for depth in (8, 7, 6, 5, 4):
        if size % 2**depth == 0:
            return f"unet{2**depth}"
    raise ConfigError(
        f"No U-Net takes pictures of {size} pixels: the size must be a multiple of 16. "
        f"Try --size {max(16, round(size / 16) * 16)}, or --set generator.name=resnet6 (any multiple of 4)."
    )


def init_normal(network: nn.Module, std: float = 0.02) -> None:
    """Weights from N(0, std), norm weights from N(1, std), biases 0 (Isola et al., 2017, section 6.2)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            parametrized = getattr(module, "parametrizations", None)  # spectral normalisation keeps the weight there
            nn.init.normal_(module.weight if parametrized is None else parametrized.weight.original, 0.0, std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            if isinstance(module, ShuffleConv2d):
                module.repeat_kernels()
        elif isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, std)
            nn.init.zeros_(module.bias)
