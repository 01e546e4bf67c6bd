"""The discriminators by name. A new one is a file in this folder and a line in the table here.

A discriminator takes `(in_channels, **its own options)` and states its `geometry`; one that is made for a size of
picture takes that `size`, in pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .base import Discriminator, has_batch_statistics
from .disco import DiscoDiscriminator
from .patchgan import PatchDiscriminator, PixelDiscriminator
from .unet import UNetDiscriminator
from .vgg import VggDiscriminator

__all__ = ["DISCRIMINATORS", "Discriminator", "has_batch_statistics"]


DISCRIMINATORS: dict[str, Callable[..., Discriminator]] = {
    "patch": PatchDiscriminator,
    "pixel": PixelDiscriminator,
    "disco": DiscoDiscriminator,
    "vgg": VggDiscriminator,
    "srgan": partial(VggDiscriminator, halvings=4, kernel=3, dense=1024),
    "unet": UNetDiscriminator,
}
