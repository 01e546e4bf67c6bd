"""The generators by name. A new one is a file in this folder and a line in the table here; see CONTRIBUTING.md.

A generator takes `(in_channels, out_channels, **its own options)` and is a `Generator` of geometry.py; one that
enlarges takes the `scale` besides. Discriminators have their own table in discriminators/.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .build import build, check_size, takes
from .compact import CompactNetwork
from .disco import DiscoGenerator
from .discriminators import DISCRIMINATORS, Discriminator, has_batch_statistics
from .geometry import Generator, Geometry
from .init import init_normal
from .norms import for_inference
from .resnet import ResnetGenerator
from .rrdb import RRDBNet
from .srresnet import MSRResNet, SRResNet
from .unet import UNet, unet_for

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "Discriminator",
    "Generator",
    "Geometry",
    "build",
    "check_size",
    "for_inference",
    "has_batch_statistics",
    "init_normal",
    "takes",
    "unet_for",
]


GENERATORS: dict[str, Callable[..., Generator]] = {
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
