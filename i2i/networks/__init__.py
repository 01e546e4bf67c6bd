"""The networks by name. A new one is a file in this folder and a line in a table here; see CONTRIBUTING.md.

A generator takes `(in_channels, out_channels, **its own options)` and says of itself, as attributes: `multiple`
and `smallest` (pixels a side of its input), `receptive_field` (pixels a side) and `tiling` (`local` or `global`,
as in the model card); one that enlarges also takes and says its `scale`. A discriminator takes `(in_channels, **its
own options)` and says its `smallest` input; one that is made for a size of picture takes that `size`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from .build import build, check_size, complete, takes
from .compact import CompactNetwork
from .disco import DiscoDiscriminator, DiscoGenerator
from .discriminator import has_batch_statistics
from .init import init_normal
from .norms import for_inference
from .patchgan import PatchDiscriminator, PixelDiscriminator
from .resnet import ResnetGenerator
from .rrdb import RRDBNet
from .srresnet import MSRResNet, SRResNet
from .unet import UNet, unet_for
from .unet_discriminator import UNetDiscriminator
from .vgg_discriminator import VggDiscriminator

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "build",
    "check_size",
    "complete",
    "for_inference",
    "has_batch_statistics",
    "init_normal",
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
