"""Normalisation layers by name, and the way from a trained network to the one that is served.

pix2pix normalises with the statistics of the picture at hand, in training and afterwards (Isola et al., 2017,
section 3.3). At batch 1 BatchNorm in training mode does that; `instance_affine` does it at every batch size with
the same parameters, so a picture gives the same result alone and in a batch.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..hardware.batch_part import over_batch, part_at_hand
from .geometry import Tiling
from .kernels.layers import InstanceNorm2d
from .options import name_of


def exact(x: Tensor) -> Tensor:
    """Of half precision the same in fp32."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class BatchNorm(nn.BatchNorm2d):
    """torch's own; over several processes the statistics in training are those of all of them."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        part = part_at_hand()
        if not self.training or part is None or not part.shared:
            return super().forward(x)
        mean = over_batch(exact(x).mean((0, 2, 3)))
        centred = exact(x) - mean[:, None, None]
        variance = over_batch(centred.square().mean((0, 2, 3)))
        self._move_averages(
            mean.detach(), variance.detach(), x.numel() // x.shape[1] // len(x) * (part.end - part.begin)
        )
        weight = 1.0 if self.weight is None else self.weight[:, None, None]
        bias = 0.0 if self.bias is None else self.bias[:, None, None]
        y: Tensor = centred * (variance + self.eps).rsqrt()[:, None, None] * weight + bias
        return y.to(x.dtype)

    def _move_averages(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """As torch does: by `momentum`, the variance without bias."""
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum or 0.0)
        self.running_var.lerp_(variance * count / max(1, count - 1), self.momentum or 0.0)


class BatchNormRunning(BatchNorm):
    """BatchNorm that is served with its running averages, the statistics of all that it was trained on."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same; a single value a channel has no deviation, so the averages stand in."""
        if self.training and x.numel() == x.shape[1]:
            mean, variance = self.running_mean, self.running_var
            return F.batch_norm(x, mean, variance, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch_as_instance": BatchNorm,
    "batch_running": BatchNormRunning,
    "instance_affine": partial(InstanceNorm2d, affine=True),
    "instance": InstanceNorm2d,
    "none": lambda _channels: nn.Identity(),
}


Norm = Annotated[str, name_of("norm", NORMS)]


def needs_bias(norm: str) -> bool:
    """Whether a convolution before this norm needs a bias of its own: not when the norm adds one.

    Instance normalisation would cancel it too, but the papers' networks carry it, so we do.
    """
    return norm in ("instance", "none")


def tiling(norm: str) -> Tiling:
    """Whether a network with this norm may run tile by tile: not when it takes statistics of the whole picture."""
    return "local" if norm in ("none", "batch_running") else "global"


@contextlib.contextmanager
def frozen_running_stats(network: nn.Module) -> Iterator[None]:
    """Running averages do not move inside: for pictures that are not what the network will be served with."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def for_inference(network: nn.Module) -> nn.Module:
    """The network as it runs after training: no dropout, every BatchNorm over the picture alone but BatchNormRunning.

    The result shares the parameters of `network`, which stays as it was.
    """
    shared = {id(p): p for p in network.parameters()}
    served = copy.deepcopy(network, memo=shared)
    for module in list(served.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d) and not isinstance(child, BatchNormRunning):
                setattr(module, name, _by_picture(child))
    return served.eval()


def _by_picture(norm: nn.BatchNorm2d) -> InstanceNorm2d:
    instance = InstanceNorm2d(norm.num_features, eps=norm.eps, affine=norm.affine)
    instance.weight, instance.bias = norm.weight, norm.bias
    return instance
