"""What StyleGAN2's training has beside the adversarial loss: style mixing, the mean of w, path lengths."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...hardware.batch_part import drawn, over_batch, part_at_hand
from ...networks.from_noise.stylegan2 import StyleganGenerator
from ...networks.norms import exact

AVERAGE = 0.995
"""What is kept of the mean of w at each step (Karras et al., 2019)."""
PATH_DECAY = 0.01
"""What a step gives to the mean path length."""


def styles_of(G: StyleganGenerator, z: Tensor, label: Tensor | None, mixing: float) -> Tensor:
    """(N, latent), (N,) -> (N, styles, style): w of each convolution.

    Of a share `mixing` of the pictures it is that of another z from a random layer on (Karras et al., 2019, section
    3.1). The mean of w goes on.
    """
    w: Tensor = G.mapping(z, label)
    _move_average(G, w)
    styles = w[:, None].expand(-1, G.styles, -1)
    if not mixing:
        return styles
    other = G.mapping(drawn(lambda n: torch.randn(n, z.shape[1], device=z.device, dtype=z.dtype), len(z)), label)
    chance = drawn(lambda n: torch.rand(n, 2, device=z.device), len(z))
    begins = torch.where(chance[:, 0] < mixing, 1 + (chance[:, 1] * (G.styles - 1)).long(), G.styles)
    is_other = torch.arange(G.styles, device=z.device) >= begins[:, None]
    return torch.where(is_other[:, :, None], other[:, None], styles)


@torch.no_grad()
def _move_average(G: StyleganGenerator, w: Tensor) -> None:
    """By the mean of a batch, to which each pass gives its share."""
    mean, part = over_batch(exact(w).mean(0)), part_at_hand()
    if part is not None:
        mean = part.share * mean + (G.of_passes if part.begin else 0)
        G.of_passes = mean
    if part is None or part.last:
        G.average.lerp_(mean, 1 - AVERAGE)


class PathLength:
    """A step in w is to change the picture by a constant amount (Karras et al., 2020, eq. 4)."""

    def __init__(self) -> None:
        self.mean: Tensor | None = None
        """Moving average of the path length."""

    def __call__(self, picture: Tensor, styles: Tensor) -> Tensor:
        """(N, C, H, W), made of (N, styles, style) -> (|J^T y| - its mean)^2, a scalar; y is N(0, 1) / sqrt(H W)."""
        scale = (picture.shape[2] * picture.shape[3]) ** -0.5
        y = drawn(lambda n: torch.randn(n, *picture.shape[1:], device=picture.device), len(picture)) * scale
        (gradient,) = torch.autograd.grad((picture * y).sum(), styles, create_graph=True)
        lengths = exact(gradient).square().sum(2).mean(1).sqrt()
        with torch.no_grad():
            if self.mean is None:
                self.mean = lengths.new_zeros(())
            self.mean = self.mean.to(lengths.device)  # a checkpoint's is on the CPU
            self.mean.lerp_(over_batch(lengths.mean()), PATH_DECAY)
        penalty: Tensor = (lengths - self.mean).square().mean()
        return penalty

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"mean": self.mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.mean = state["mean"]
