"""The discriminator of SRGAN and ESRGAN: a VGG-like network that judges a picture as a whole.

Ledig et al., CVPR 2017, figure 4; in this form (4x4 kernels with stride 2 and a dense layer of 100) as in the ESRGAN
authors' code. Pictures are in [-1, 1].
"""

from __future__ import annotations

from torch import Tensor, nn

from ..errors import ConfigError
from .discriminator import Discriminator, MinibatchStd
from .kernels.im2col import Conv2d
from .kernels.layers import to_channels_last
from .norms import NORMS, needs_bias

HALVINGS = 5
DENSE = 100
"""Channels of the layer before the logit."""


class VggDiscriminator(Discriminator):
    """(N, in_channels, size, size) -> (N, 1, 1, 1) logits; larger pictures are judged in overlapping parts.

    Each of five steps is a 3x3 convolution and a 4x4 one with stride 2, of 1, 2, 4, 8 and 8 times `width` channels.
    The dense layers are written as convolutions over what is left, size / 32 pixels a side. `size` is a multiple of 32
    from 64 on; ConfigError otherwise.
    """

    multiple = 2**HALVINGS

    def __init__(
        self,
        in_channels: int,
        *,
        size: int = 128,
        width: int = 64,
        norm: str = "batch",
        spectral: bool = False,
        minibatch_std: bool = False,
    ) -> None:
        step = self.multiple
        if size % step or size < 2 * step:
            nearest = max(2 * step, round(size / step) * step)
            raise ConfigError(
                f"The discriminator 'vgg' halves its pictures five times, so their size must be a multiple of {step} "
                f"from {2 * step} on, not {size}. Try --size {nearest}, or --set discriminator.name=unet."
            )
        bias = needs_bias(norm)
        layers: list[nn.Module] = []
        channels = in_channels
        for n in range(HALVINGS):
            out = min(2**n, 8) * width
            for kernel, stride in ((3, 1), (4, 2)):
                first = not layers
                layers.append(Conv2d(channels, out, kernel, stride=stride, padding=1, bias=first or bias))
                layers += [] if first else [NORMS[norm](out)]
                layers.append(nn.LeakyReLU(0.2, inplace=True))
                channels = out
        layers += [
            Conv2d(channels, DENSE, size // step),
            nn.LeakyReLU(0.2, inplace=True),
            *([MinibatchStd()] if minibatch_std else []),
            Conv2d(DENSE + minibatch_std, 1, 1),
        ]
        super().__init__(nn.Sequential(*layers), spectral=spectral)
        self.smallest = size

    def features(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """(N, in_channels, size, size) in [-1, 1] -> eleven activated maps and the logits."""
        return super().features(to_channels_last(x))
