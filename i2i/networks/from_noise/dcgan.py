"""DCGAN (Radford et al., ICLR 2016, arXiv 1511.06434): transposed convolutions, batch norm, no biases.

With attention and spectral normalisation it is the small SAGAN; with classes, class norm and projection.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ..init import init_normal
from ..options import Count
from ..upsampling import UPSAMPLERS, Up
from .base import Critic, NoiseGenerator, Size, grid, middle, padded
from .layers.attention import Attention
from .layers.class_norm import norm_for


class DcganGenerator(NoiseGenerator):
    """z -> 4x4 -> doubled until the size is met; at 64 pixels the maps have 512, 256, 128, 64 channels."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        latent: Count = 100,
        width: Count = 64,
        classes: int = 0,
        up: Up = "transposed",
        attention: int | None = None,
        spectral: bool = False,
    ) -> None:
        """`width` are the channels of the largest map; `attention` is the number of channels of the map that has it."""
        super().__init__()
        self.latent, self.classes, self.size = latent, classes, size
        rows, columns, doublings = grid(size)
        widths = [width * 2**level for level in reversed(range(doublings))] or [width]
        self.first = nn.ConvTranspose2d(latent, widths[0], (rows, columns), bias=False)
        self.ups = nn.ModuleList(
            UPSAMPLERS[up].build(a, b, False, 4) for a, b in zip(widths, [*widths[1:], channels], strict=False)
        )
        self.norms = nn.ModuleList(norm_for(w, classes) for w in widths)
        self.attentions = nn.ModuleDict({str(n): Attention(w) for n, w in enumerate(widths) if w == attention})
        init_normal(self)
        if spectral:
            for layer in [self.first, *self.ups]:
                spectral_norm(layer)  # of outputs by inputs and places, for transposed convolutions as well

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, latent), (N,) -> (N, channels, height, width) in [-1, 1]."""
        x = self.first(z[:, :, None, None])
        for n, (norm, up) in enumerate(zip(self.norms, self.ups, strict=True)):
            x = norm(x, label).relu()
            if str(n) in self.attentions:
                x = self.attentions[str(n)](x)
            x = up(x)
        return middle(x, self.size).tanh()


class DcganCritic(Critic):
    """4x4 convolutions that halve the map, from `width` channels on, doubled each time; batch norm but in the first."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        width: Count = 64,
        classes: int = 0,
        attention: int | None = None,
        spectral: bool = False,
        norm: bool = True,
    ) -> None:
        """Where pictures are of `classes`, a projection joins the last convolution.

        Without `norm` the convolutions have biases: D(s x) would be s D(x) for s > 0, and fakes of a tenth of the
        contrast as good as others.
        """
        super().__init__()
        self.classes = classes
        rows, columns, doublings = grid(size)
        self.whole = rows * 2**doublings, columns * 2**doublings
        widths = [width * 2**level for level in range(doublings)]
        layers: list[nn.Module] = []
        before = channels
        for n, after in enumerate(widths):
            layers.append(nn.Conv2d(before, after, 4, stride=2, padding=1, bias=not norm))
            layers += [norm_for(after, 0)] if norm and n else []
            layers.append(nn.LeakyReLU(0.2))
            layers += [Attention(after)] if after == attention else []
            before = after
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv2d(before, 1, (rows, columns), bias=not norm)
        self.projection = nn.Embedding(classes, before) if classes else None
        init_normal(self)
        if self.projection is not None:
            nn.init.normal_(self.projection.weight, 0.0, 0.02)
        if spectral:
            for layer in [*self.layers, self.last]:
                if isinstance(layer, nn.Conv2d):
                    spectral_norm(layer)

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, F): the last map."""
        return self._map(x).flatten(1)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, 1)."""
        found = self._map(x)
        logit: Tensor = self.last(found).flatten(1)
        if self.projection is not None and label is not None:
            logit = logit + (self.projection(label) * found.sum((2, 3))).sum(1, keepdim=True)
        return logit

    def _map(self, x: Tensor) -> Tensor:
        found: Tensor = self.layers(padded(x, self.whole))
        return found
