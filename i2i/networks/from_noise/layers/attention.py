"""Self-attention over the places of a feature map (Zhang et al., SAGAN, ICML 2019, arXiv 1805.08318)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm


class Attention(nn.Module):
    """x + sigma o(softmax(theta(x)' phi(x)) g(x)); sigma is 0 at the start, so that the block is the identity then.

    As in the authors' code, which everybody uses: theta and phi have an eighth of the channels, g half of them, phi and
    g are max-pooled by 2. All four are 1x1 convolutions without bias, spectrally normalised: 1.25 C² + 1 numbers.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()

        def one(into: int, out: int) -> nn.Module:
            return spectral_norm(nn.Conv2d(into, out, 1, bias=False))

        self.theta, self.phi = one(channels, channels // 8), one(channels, channels // 8)
        self.g, self.out = one(channels, channels // 2), one(channels // 2, channels)
        self.sigma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        theta = self.theta(x).flatten(2)
        phi, g = (F.max_pool2d(maps, 2, ceil_mode=True).flatten(2) for maps in (self.phi(x), self.g(x)))
        weights = torch.softmax(theta.transpose(1, 2) @ phi, 2)  # of each place over those that it looks at
        seen = (g @ weights.transpose(1, 2)).reshape(-1, g.shape[1], *x.shape[2:])
        y: Tensor = x + self.sigma * self.out(seen)
        return y
