"""What every discriminator is made of: features on the way to the logits, spectral normalisation, minibatch statistics.

A discriminator has `layers`: an `nn.Sequential`, whose features are the activated maps that `nn.LeakyReLU` gives, or
something else, with a `features` of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...hardware.batch_part import over_batch
from ..geometry import Geometry
from .spectral_norm import normalise_spectrally


class Outputs(NamedTuple):
    """What a discriminator gives, by name; one with another head, as for classes, adds a field."""

    features: list[Tensor]
    """The activated maps, from the input on."""
    logits: Tensor
    """(N, 1, h, w): above 0 for real."""


class Discriminator(nn.Module):
    """Pictures (N, C, H, W) in [-1, 1] -> logits (N, 1, h, w), with the features on the way if wanted."""

    geometry: Geometry
    """Its `multiple` and its `smallest` input; scale and tiling are a generator's."""
    first_feature = 0
    """How many of the activated maps, from the input on, are not among the features."""
    ends_free = False
    """Whether spectral normalisation leaves out the first and the last convolution."""

    def __init__(self, layers: nn.Sequential | nn.ModuleDict, *, spectral: bool) -> None:
        super().__init__()
        if spectral:
            normalise_spectrally(layers, ends_free=self.ends_free)
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) in [-1, 1] -> logits."""
        return self.features(x).logits

    def features(self, x: Tensor) -> Outputs:
        """(N, C, H, W) in [-1, 1] -> the activated maps and the logits."""
        maps = []
        for layer in self.layers.children():
            x = layer(x)
            if isinstance(layer, nn.LeakyReLU):
                maps.append(x)
        return Outputs(maps[self.first_feature :], x)


class MinibatchStd(nn.Module):
    """(N, C, H, W) -> (N, C + 1, H, W): one more map, filled with how much the pictures of the batch differ.

    That is the standard deviation over the batch, averaged over channels and places (Karras et al., 2018, section 3).
    """

    over_batch = True

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C + 1, H, W)."""
        mean = over_batch(x.float().mean(0))
        std = (over_batch((x.float() - mean).square().mean(0)) + 1e-8).sqrt().mean()
        return torch.cat([x, std.to(x.dtype).expand(len(x), 1, *x.shape[2:])], 1)


def has_batch_statistics(network: nn.Module) -> bool:
    """Whether the pictures of a batch influence each other in training, so that batches must not be joined."""
    return any(
        isinstance(module, nn.modules.batchnorm._BatchNorm) or getattr(module, "over_batch", False)
        for module in network.modules()
    )
