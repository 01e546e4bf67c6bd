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

from torch import Tensor, nn
from torch.nn import functional as F

from .geometry import Tiling
from .kernels.layers import InstanceNorm2d
from .options import name_of


class BatchNormRunning(nn.BatchNorm2d):
    """BatchNorm that is served with its running averages, the statistics of all that it was trained on."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same; a single value a channel has no deviation, so the averages stand in."""
        if self.training and x.numel() == x.shape[1]:
            mean, variance = self.running_mean, self.running_var
            return F.batch_norm(x, mean, variance, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch_as_instance": nn.BatchNorm2d,
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
