"""Networks of GANs from noise, one file a family: generators of latent numbers and their discriminators.

Each is written from its paper's definition and has the published number of parameters
(tests/networks/test_from_noise.py). Sizes are any, not squares and powers of two alone. A new family is a file here and
a line in each table: `(channels, size=(height, width), classes=…, **its own options)`; what of size and classes it does
not use it does not take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from torch import nn

from ...errors import ConfigError, require
from ..build import build, takes
from .base import Critic, NoiseGenerator, Size
from .dcgan import DcganCritic, DcganGenerator
from .fastgan import FastganCritic, FastganGenerator
from .lapgan import LapganCritic, LapganGenerator
from .mlp import ConditionalMlpCritic, ConditionalMlpGenerator, MlpCritic, MlpGenerator, VanillaCritic
from .progan import ProganCritic, ProganGenerator
from .r3gan import R3ganCritic, R3ganGenerator
from .resnet import ResnetCritic, ResnetNoiseGenerator
from .stacked import StackedCritic, StackedGenerator
from .stylegan2 import StyleganCritic, StyleganGenerator
from .transgan import TransganCritic, TransganGenerator
from .voxels import VoxelCritic, VoxelGenerator
from .wgan_gp import WganGpCritic, WganGpGenerator

NOISE_GENERATORS: dict[str, Callable[..., NoiseGenerator]] = {
    "mlp": MlpGenerator,
    "conditional_mlp": ConditionalMlpGenerator,
    "dcgan": DcganGenerator,
    "wgan_gp": WganGpGenerator,
    "lapgan": LapganGenerator,
    "resnet": ResnetNoiseGenerator,
    "progan": ProganGenerator,
    "stylegan2": StyleganGenerator,
    "transgan": TransganGenerator,
    "r3gan": R3ganGenerator,
    "fastgan": FastganGenerator,
    "stacked": StackedGenerator,
    "voxels": VoxelGenerator,
}
CRITICS: dict[str, Callable[..., Critic]] = {
    "mlp": MlpCritic,
    "maxout": VanillaCritic,
    "conditional_mlp": ConditionalMlpCritic,
    "dcgan": DcganCritic,
    "wgan_gp": WganGpCritic,
    "lapgan": LapganCritic,
    "resnet": ResnetCritic,
    "progan": ProganCritic,
    "stylegan2": StyleganCritic,
    "transgan": TransganCritic,
    "r3gan": R3ganCritic,
    "fastgan": FastganCritic,
    "stacked": StackedCritic,
    "voxels": VoxelCritic,
}

N = TypeVar("N", bound=nn.Module)


def build_for(
    table: Mapping[str, Callable[..., N]],
    kind: str,
    name: str,
    channels: int,
    size: Size,
    classes: int,
    options: Mapping[str, Any],
) -> N:
    """The network called `name` for pictures of that size, of `classes` or of none; options as in `build`.

    Raises UnknownNameError, and ConfigError for an option that it does not have, a size that it does not make, and for
    classes where it knows none.
    """
    require(kind, name, table)
    if classes and not takes(table, name, "classes"):
        able = ", ".join(other for other in table if takes(table, other, "classes"))
        raise ConfigError(f"The {kind} {name!r} knows no classes. Use one of {able}, or train without classes.")
    by_the_run = {"size": size, **({"classes": classes} if classes else {})}
    told = {key: value for key, value in by_the_run.items() if takes(table, name, key)}
    return build(table, kind, name, (channels,), {**options, **told})
