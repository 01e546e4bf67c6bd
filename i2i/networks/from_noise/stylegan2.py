"""StyleGAN2 (Karras et al., CVPR 2020, arXiv 1912.04958): a mapping to w, modulated convolutions, pictures by levels.

Written from the paper and from published counts. Its discriminator is residual, or ProGAN's in the small form.
"""

from __future__ import annotations

import itertools
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...hardware.batch_part import drawn
from ..norms import exact
from ..options import Count
from .base import Critic, NoiseGenerator, Size, grid, middle, padded
from .layers.equalised import SQRT2, EqualConv2d, EqualLinear, leaky
from .layers.filters import blur, double, halve
from .layers.minibatch import GroupedStd


def channels_of(level: int, base: int = 32768, most: int = 512) -> int:
    """Channels of the map after so many doublings of 4x4: base / side, at most `most`."""
    return min(base // (4 << level), most)


def normalised(z: Tensor) -> Tensor:
    """(N, F) with a mean square of 1 in each row."""
    return z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def activated(x: Tensor) -> Tensor:
    """LeakyReLU times sqrt 2, which keeps the mean square."""
    return leaky(x) * SQRT2


class HalvingConv2d(EqualConv2d):
    """The filter, then a convolution of stride 2."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> (N, out, H/2, W/2)."""
        return F.conv2d(blur(x, 2), self.weight * self.scale, self.bias, stride=2)


class Mapping(nn.Module):
    """z, normalised, and an embedding of the class -> w, by dense layers that learn a hundredth as fast."""

    def __init__(self, latent: int, style: int, layers: int = 8, classes: int = 0) -> None:
        """`latent` is 0 in a discriminator, which maps the class alone."""
        super().__init__()
        self.latent = latent
        self.embedding = EqualLinear(classes, style) if classes else None
        first = latent + (style if classes else 0)
        widths = [first] + [style] * layers
        self.layers = nn.ModuleList(EqualLinear(a, b, rate=0.01) for a, b in itertools.pairwise(widths))

    def forward(self, z: Tensor | None, label: Tensor | None = None) -> Tensor:
        """(N, latent), (N,) -> (N, style)."""
        parts = [] if z is None or not self.latent else [normalised(z)]
        if self.embedding is not None:
            assert label is not None
            parts.append(
                normalised(
                    self.embedding(F.one_hot(label, self.embedding.weight.shape[1]).to(self.embedding.weight.dtype))
                )
            )
        x = torch.cat(parts, 1)
        for layer in self.layers:
            x = activated(layer(x))
        return x


def modulated(x: Tensor, weight: Tensor, style: Tensor, *, demodulate: bool, up: bool = False) -> Tensor:
    """A convolution whose weights are multiplied by a style for each input channel, and brought back to length 1.

    x is (N, C, H, W), weight (out, C, k, k), style (N, C); gives (N, out, H, W), or of twice the sides. With inputs of
    unit variance that do not depend on each other, demodulated outputs have unit variance. Multiplying maps before and
    behind is the same as multiplying weights, and needs no weights for each picture.
    """
    x = x * style[:, :, None, None].to(x.dtype)
    if up:  # a transposed convolution of stride 2 with the filter behind it
        y = blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 1, 4.0)
    else:
        y = F.conv2d(x, weight, padding=weight.shape[2] // 2)
    if demodulate:
        with torch.autocast(x.device.type, enabled=False):  # (N, out), of the weights that it would have had
            lengths = exact(style).square() @ exact(weight).square().sum((2, 3)).t()
        y = y * (lengths + 1e-8).rsqrt()[:, :, None, None].to(y.dtype)
    return y


class StyledConv(nn.Module):
    """Modulated 3x3, noise by one strength (0 at the start), bias, LeakyReLU times sqrt 2."""

    def __init__(self, channels: int, out: int, style: int, *, up: bool) -> None:
        super().__init__()
        self.up = up
        self.affine = EqualLinear(style, channels, start=1.0)
        self.weight = nn.Parameter(torch.randn(out, channels, 3, 3))
        self.scale = 1 / (9 * channels) ** 0.5
        self.strength, self.bias = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(out))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """(N, channels, H, W), (N, style), (N, 1, H, W) of the output's size or None for none -> (N, out, H, W)."""
        y = modulated(x, self.weight * self.scale, self.affine(w), demodulate=True, up=self.up)
        if noise is not None:
            y = y + self.strength * noise
        return activated(y + self.bias[:, None, None])


class ToRgb(nn.Module):
    """Modulated 1x1 without demodulation."""

    def __init__(self, channels: int, out: int, style: int) -> None:
        super().__init__()
        self.affine = EqualLinear(style, channels, start=1.0)
        self.weight, self.bias = nn.Parameter(torch.randn(out, channels, 1, 1)), nn.Parameter(torch.zeros(out))
        self.scale = 1 / channels**0.5

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(N, channels, H, W), (N, style) -> (N, out, H, W)."""
        return modulated(x, self.weight, self.affine(w) * self.scale, demodulate=False) + self.bias[:, None, None]


class StyleganGenerator(NoiseGenerator):
    """Mapping, then synthesis from a learned constant: two styled convolutions a level, all levels' pictures added."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        latent: Count = 512,
        style: Count = 512,
        layers: Count = 8,
        base: Count = 32768,
        most: Count = 512,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.latent, self.style, self.classes, self.size = latent, style, classes, size
        self.mapping = Mapping(latent, style, layers, classes)
        self.register_buffer("average", torch.zeros(style))
        self.of_passes = torch.zeros(style)
        rows, columns, doublings = grid(size)
        widths = [channels_of(level, base, most) for level in range(doublings + 1)]
        self.constant = nn.Parameter(torch.randn(widths[0], rows, columns))
        self.first = StyledConv(widths[0], widths[0], style, up=False)
        self.ups = nn.ModuleList(StyledConv(a, b, style, up=True) for a, b in itertools.pairwise(widths))
        self.convs = nn.ModuleList(StyledConv(b, b, style, up=False) for b in widths[1:])
        self.to_rgb = nn.ModuleList(ToRgb(width, channels, style) for width in widths)
        self.maps = [(rows * 2**level, columns * 2**level) for level in range(doublings + 1)]

    average: Tensor
    """(style,): the mean of w, which training keeps up."""
    of_passes: Tensor
    """(style,): what passes of a batch that is not over gave to its mean of w."""

    @property
    def styles(self) -> int:
        """How many w a picture takes: one a convolution, and one for the last picture."""
        return 2 * len(self.maps)

    @property
    def noises(self) -> list[tuple[int, int]]:
        """Height and width of the noise of each convolution."""
        return [self.maps[0], *(size for size in self.maps[1:] for _ in range(2))]

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, latent), (N,) -> (N, C, height, width), around [-1, 1] and not bounded; with fresh noise in training."""
        w = self.mapping(z, label)
        noise = self.fresh_noise(len(z), z.device) if self.training else None
        return self.synthesis(w[:, None].expand(-1, self.styles, -1), noise)

    def fresh_noise(self, count: int, device: torch.device) -> list[Tensor]:
        """For each convolution (count, 1, h, w) from N(0, 1)."""
        return [drawn(lambda n, at=at: torch.randn(n, 1, *at, device=device), count) for at in self.noises]  # type: ignore[misc]

    def synthesis(self, w: Tensor, noise: list[Tensor] | None = None) -> Tensor:
        """(N, styles, style), and for each convolution (N, 1, h, w) or nothing -> (N, C, height, width)."""
        planes: list[Tensor | None] = [None] * len(self.noises) if noise is None else list(noise)
        x = self.constant + 0 * w[:, :1, :1, None]  # one a picture; traced graphs keep as many as come
        x = self.first(x, w[:, 0], planes[0])
        picture = self.to_rgb[0](x, w[:, 1])
        for n, (up, conv) in enumerate(zip(self.ups, self.convs, strict=True)):
            x = up(x, w[:, 2 * n + 1], planes[2 * n + 1])
            x = conv(x, w[:, 2 * n + 2], planes[2 * n + 2])
            picture = double(picture) + self.to_rgb[n + 1](x, w[:, 2 * n + 3])
        return middle(picture, self.size)

    def truncated(self, w: Tensor, psi: float) -> Tensor:
        """Nearer to the average w: average + psi (w - average)."""
        return self.average + psi * (w - self.average)


class StyleganCritic(Critic):
    """1x1 from RGB; two 3x3 a level, the second halving, beside a shortcut; minibatch deviation, 3x3, two dense."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        base: Count = 32768,
        most: Count = 512,
        classes: int = 0,
        residual: bool = True,
    ) -> None:
        """With `classes` the last layer gives a vector, compared with a mapping of the class."""
        super().__init__()
        self.classes, self.residual = classes, residual
        rows, columns, doublings = grid(size)
        self.whole = rows * 2**doublings, columns * 2**doublings
        widths = [channels_of(level, base, most) for level in reversed(range(doublings + 1))]
        self.from_rgb = EqualConv2d(channels, widths[0], 1, 1.0)
        pairs = list(itertools.pairwise(widths))
        self.convs = nn.ModuleList(
            nn.ModuleList([EqualConv2d(a, a, 3, 1.0), HalvingConv2d(a, b, 3, 1.0)]) for a, b in pairs
        )
        self.shortcuts = nn.ModuleList(EqualConv2d(a, b, 1, 1.0, bias=False) for a, b in pairs) if residual else None
        self.spread, self.conv = GroupedStd(), EqualConv2d(widths[-1] + 1, widths[-1], 3, 1.0)
        self.dense = EqualLinear(widths[-1] * rows * columns, widths[-1])
        self.last = EqualLinear(widths[-1], most if classes else 1)
        self.mapping = Mapping(0, most, 8, classes) if classes else None

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, F)."""
        x = activated(self.from_rgb(padded(x, self.whole)))
        for n, pair in enumerate(self.convs):
            first, second = cast(nn.ModuleList, pair)
            y = activated(second(activated(first(x))))
            x = y if self.shortcuts is None else (y + self.shortcuts[n](halve(x))) / SQRT2
        x = activated(self.conv(self.spread(x)))
        return activated(self.dense(x.flatten(1)))

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, 1)."""
        y: Tensor = self.last(self.features(x))
        if self.mapping is None:
            return y
        wanted = self.mapping(None, label)
        logit: Tensor = (y * wanted).sum(1, keepdim=True) / y.shape[1] ** 0.5
        return logit
