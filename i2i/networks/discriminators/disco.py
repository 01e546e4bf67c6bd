"""The discriminator of DiscoGAN as its authors released it (Kim et al., ICML 2017, arXiv 1703.05192).

Pictures are float32 in [-1, 1], shape (N, C, H, W); the convolutions, which have no bias, see the authors' [0, 1].
"""

from __future__ import annotations

from itertools import chain

from torch import Tensor, nn

from ..disco import CONVOLUTIONS, steps_down
from ..geometry import Geometry
from ..kernels.im2col import Conv2d
from ..kernels.layers import to_channels_last
from ..norms import Norm
from ..options import Count
from .base import Discriminator, MinibatchStd, Outputs


class DiscoDiscriminator(Discriminator):
    """One prediction for pictures of 64 pixels: (N, in_channels, H, W) -> (N, 1, H / 16 - 3, W / 16 - 3) logits.

    Of larger pictures it classifies overlapping parts. Its features are the authors': the last three activated maps.
    """

    geometry = Geometry(smallest=64)
    first_feature = 1

    def __init__(
        self,
        in_channels: int,
        *,
        width: Count = 64,
        norm: Norm = "batch_as_instance",
        spectral: bool = False,
        minibatch_std: bool = False,
    ) -> None:
        widths = [width * 2**n for n in range(CONVOLUTIONS)]
        layers = [*chain.from_iterable(steps_down(in_channels, widths, norm).values())]
        layers += [MinibatchStd()] if minibatch_std else []
        layers += [Conv2d(widths[-1] + minibatch_std, 1, 4, bias=False)]
        super().__init__(nn.Sequential(*layers), spectral=spectral)

    def features(self, x: Tensor) -> Outputs:
        """(N, in_channels, H, W) in [-1, 1] -> three activated maps and the logits."""
        return super().features(to_channels_last((x + 1) / 2))
