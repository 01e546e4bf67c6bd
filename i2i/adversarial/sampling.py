"""Bilinear samples of a picture with a second derivative, which `F.grid_sample` has not.

R1 through an augmentation is the derivative of a derivative. In the picture sampling is linear, so its backward pass is
linear, too, and the derivative of that is sampling again (as Karras et al., NeurIPS 2020, have it in their code).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

BILINEAR, REFLECTION = 0, 2
"""How torch numbers them."""


class Sampled(torch.autograd.Function):
    """(N, C, H, W), places (N, h, w, 2), x first, in [-1, 1] of the borders -> (N, C, h, w), mirrored beyond them.

    The places get no gradient.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Tensor) -> Tensor:
        """As F.grid_sample."""
        ctx.save_for_backward(x, places)
        return F.grid_sample(x, places, "bilinear", "reflection", align_corners=False)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        """Each slope goes back to the pixels that the sample was taken from."""
        x, places = ctx.saved_tensors
        found: Tensor = _Returned.apply(slope, x.detach(), places)
        return found, None


class _Returned(torch.autograd.Function):
    """The transpose of Sampled; `x` gives the size of what comes out."""

    @staticmethod
    def forward(ctx: Any, slope: Tensor, x: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        found: Tensor = torch.ops.aten.grid_sampler_2d_backward(
            slope.contiguous(), x, places, BILINEAR, REFLECTION, False, (True, False)
        )[0]
        return found

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        (places,) = ctx.saved_tensors
        found: Tensor = Sampled.apply(slope, places)
        return found, None, None
