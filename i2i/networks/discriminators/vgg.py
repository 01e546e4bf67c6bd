"""The discriminators of SRGAN and ESRGAN: VGG-like networks with one prediction for a picture as a whole.

SRGAN's is that of Ledig et al., CVPR 2017, figure 4; ESRGAN's the form of it (4x4 kernels with stride 2, five halvings,
a dense layer of 100) in its authors' code. Pictures are in [-1, 1].
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from ...errors import ConfigError
from ..geometry import Geometry
from ..kernels.im2col import Conv2d
from ..kernels.layers import to_channels_last
from ..norms import NORMS, Norm, needs_bias
from ..options import Count
from .base import Discriminator, MinibatchStd, Outputs


class VggDiscriminator(Discriminator):
    """(N, in_channels, size, size) -> (N, 1, 1, 1) logits; of larger pictures it classifies overlapping parts.

    Each of `halvings` steps is a 3x3 convolution and one of `kernel` (3 or 4) pixels with stride 2, of 1, 2, 4, 8 and 8
    times `width` channels. Two fully connected layers, `dense` channels between, are written as convolutions over what
    is left. `size` is a multiple of 2**halvings, and twice that at least; ConfigError otherwise.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        size: int = 128,
        width: Count = 64,
        norm: Norm = "batch_as_instance",
        spectral: bool = False,
        minibatch_std: bool = False,
        halvings: Count = 5,
        kernel: Literal[3, 4] = 4,
        dense: Count = 100,
    ) -> None:
        multiple = 2**halvings
        if size % multiple or size < 2 * multiple:
            nearest = max(2 * multiple, round(size / multiple) * multiple)
            raise ConfigError(
                f"This discriminator halves pictures {halvings} times, so their size must be a multiple of {multiple} "
                f"from {2 * multiple} on, not {size}. Try --size {nearest}, or --set discriminator.name=unet."
            )
        bias = needs_bias(norm)
        layers: list[nn.Module] = []
        channels = in_channels
        for n in range(halvings):
            out = min(2**n, 8) * width
            for side, stride in ((3, 1), (kernel, 2)):
                first = not layers
                layers.append(Conv2d(channels, out, side, stride=stride, padding=1, bias=first or bias))
                layers += [] if first else [NORMS[norm](out)]
                layers.append(nn.LeakyReLU(0.2, inplace=True))
                channels = out
        layers += [
            Conv2d(channels, dense, size // multiple),
            nn.LeakyReLU(0.2, inplace=True),
            *([MinibatchStd()] if minibatch_std else []),
            Conv2d(dense + minibatch_std, 1, 1),
        ]
        super().__init__(nn.Sequential(*layers), spectral=spectral)
        self.geometry = Geometry(multiple=multiple, smallest=size)

    def features(self, x: Tensor) -> Outputs:
        """(N, in_channels, size, size) in [-1, 1] -> the activated maps, and of the dense layer, and the logits."""
        return super().features(to_channels_last(x))
