"""Networks of DiscoGAN as its authors released them (Kim et al., ICML 2017, arXiv 1703.05192).

Pictures are float32 in [-1, 1], shape (N, C, H, W). Inside, the authors' range [0, 1] is kept: convolutions without
bias see it, and the sigmoid gives it.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from .discriminator import Discriminator, MinibatchStd
from .kernels.im2col import Conv2d, ConvTranspose2d
from .kernels.layers import ReLU, to_channels_last
from .norms import NORMS

CONVOLUTIONS = 4


def _steps_down(in_channels: int, widths: list[int], norm: str) -> list[nn.Module]:
    """What G and D begin with: a convolution a step, each halving the sides; the first one is not normalised."""
    layers: list[nn.Module] = []
    for step, (i, o) in enumerate(pairwise([in_channels, *widths])):
        normed = [NORMS[norm](o)] if step else []
        layers += [Conv2d(i, o, 4, 2, 1, bias=False), *normed, nn.LeakyReLU(0.2, inplace=True)]
    return layers


class DiscoGenerator(nn.Module):
    """(N, in_channels, H, W) -> (N, out_channels, H, W) in [-1, 1]; H and W multiples of 16.

    Four steps down, four up, no skips. With `bottleneck` 100 channels of one pixel stand between (of 64 pixels a
    side; larger pictures keep a map of them, overlapping), so that places cannot be copied.
    """

    multiple = 2**CONVOLUTIONS
    tiling = "global"

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        bottleneck: bool = False,
        width: int = 64,
        norm: str = "population",
    ) -> None:
        super().__init__()
        if norm in ("none", "population"):
            self.tiling = "local"
        alone = norm in ("picture", "batch", "instance")  # as they are served; a single pixel has no spread
        self.smallest = (80 if alone else 64) if bottleneck else 32
        # An output pixel sees 3 of the coarsest positions, each of which sees 46 pixels at steps of 16; the
        # bottleneck widens both ways by 3 positions.
        self.receptive_field = 46 + 16 * 2 + (16 * 6 if bottleneck else 0)
        widths = [width * 2**n for n in range(CONVOLUTIONS)]
        narrow = 100 * width // 64 or 1
        layers = _steps_down(in_channels, widths, norm)
        if bottleneck:
            layers += [Conv2d(widths[-1], narrow, 4, bias=False), NORMS[norm](narrow)]
            layers += [nn.LeakyReLU(0.2, inplace=True), ConvTranspose2d(narrow, widths[-1], 4, bias=False)]
            layers += [NORMS[norm](widths[-1]), ReLU()]
        for i, o in pairwise(reversed(widths)):
            layers += [ConvTranspose2d(i, o, 4, 2, 1, bias=False), NORMS[norm](o), ReLU()]
        layers += [ConvTranspose2d(width, out_channels, 4, 2, 1, bias=False), nn.Sigmoid()]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H, W), both in [-1, 1]."""
        y: Tensor = self.layers(to_channels_last((x + 1) / 2))
        return y * 2 - 1


class DiscoDiscriminator(Discriminator):
    """Judges pictures of 64 pixels as a whole: (N, in_channels, H, W) -> (N, 1, H / 16 - 3, W / 16 - 3) logits.

    Of larger pictures it judges overlapping parts. Its features are the authors': the last three activated maps.
    """

    smallest = 64
    first_feature = 1

    def __init__(
        self,
        in_channels: int,
        *,
        width: int = 64,
        norm: str = "batch",
        spectral: bool = False,
        minibatch_std: bool = False,
    ) -> None:
        widths = [width * 2**n for n in range(CONVOLUTIONS)]
        layers = _steps_down(in_channels, widths, norm)
        layers += [MinibatchStd()] if minibatch_std else []
        layers += [Conv2d(widths[-1] + minibatch_std, 1, 4, bias=False)]
        super().__init__(nn.Sequential(*layers), spectral=spectral)

    def features(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """(N, in_channels, H, W) in [-1, 1] -> three activated maps and the logits."""
        return super().features(to_channels_last((x + 1) / 2))
