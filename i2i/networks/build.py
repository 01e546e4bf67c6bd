"""Networks by name with the options that each has, and the sizes that suit them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import nn

from ..errors import ConfigError, require
from .discriminators.base import Discriminator
from .geometry import Generator, Geometry
from .options import BY_THE_RUN, complete

N = TypeVar("N", bound=nn.Module)


def build(
    table: Mapping[str, Callable[..., N]],
    kind: str,
    name: str,
    channels: tuple[int, ...],
    options: Mapping[str, Any],
) -> N:
    """The network called `name` in `table`, initialised as it pleases; options that are None keep its defaults.

    Raises UnknownNameError for the name, ConfigError for an option that this network does not have
    or a value that it cannot take.
    """
    require(kind, name, table)
    by_the_run = {key: options[key] for key in BY_THE_RUN if options.get(key) is not None and takes(table, name, key)}
    own = {key: value for key, value in options.items() if key not in by_the_run}
    return table[name](*channels, **complete(table, kind, name, own), **by_the_run)


def takes(table: Mapping[str, Callable[..., nn.Module]], name: str, option: str) -> bool:
    """Whether there is a network called `name`, and it has this option."""
    return name in table and option in inspect.signature(table[name]).parameters


def geometry_of(table: Mapping[str, Callable[..., Generator | Discriminator]], name: str) -> Geometry:
    """That of the network called `name` with its default options; without memory for its weights."""
    channels = len([p for p in inspect.signature(table[name]).parameters if p.endswith("_channels")])
    with torch.device("meta"):
        return table[name](*[3] * channels).geometry


def check_size(
    size: int, generator: Generator, discriminator: Discriminator | None, scale: int = 1, also: int = 1
) -> None:
    """Raises ConfigError when crops of `size` pixels, which `generator` makes of size / scale, do not suit the two.

    `also` is what a discriminator that is not built yet wants sizes to be a multiple of.
    """
    multiple = math.lcm(scale * generator.geometry.multiple, also)
    smallest = scale * generator.geometry.smallest
    if size % multiple or size < smallest:
        nearest = max(-(-smallest // multiple) * multiple, round(size / multiple) * multiple)
        fault = f"{size} is less" if size < smallest else f"{size} is none"
        which = "This generator needs" if also == 1 else "Generator and discriminator need"
        raise ConfigError(
            f"{which} sizes that are multiples of {multiple}, from {smallest} on; {fault}. Try --size {nearest}."
        )
    needed = 0 if discriminator is None else discriminator.geometry.smallest
    if size < needed:
        raise ConfigError(
            f"This discriminator needs pictures of {needed} pixels or more; the size is {size}. Try --size {needed}, "
            "or one with a smaller receptive field: --set discriminator.name=patch --set discriminator.layers=2."
        )
