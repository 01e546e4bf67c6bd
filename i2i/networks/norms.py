"""Normalisation layers by name, and the way from a trained network to the one that is served.

pix2pix normalises with the statistics of the picture at hand, in training and afterwards (Isola et al., 2017,
section 3.3). At batch 1 BatchNorm in training mode does that; `picture` does it at every batch size with the same
parameters, so a picture gives the same result alone and in a batch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

from torch import nn

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "picture": partial(nn.InstanceNorm2d, affine=True),
    "instance": nn.InstanceNorm2d,
    "none": lambda _channels: nn.Identity(),
}


def needs_bias(norm: str) -> bool:
    """Whether a convolution before this norm needs a bias of its own: not when the norm adds one.

    Instance normalisation would cancel it too, but the papers' networks carry it, so we do.
    """
    return norm in ("instance", "none")


def as_served(network: nn.Module) -> nn.Module:
    """The network as it runs after training: no dropout, every BatchNorm over the picture alone.

    The result shares the parameters of `network`, which stays as it was.
    """
    shared = {id(p): p for p in network.parameters()}
    served = copy.deepcopy(network, memo=shared)
    for module in list(served.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, _by_picture(child))
    return served.eval()


def _by_picture(norm: nn.BatchNorm2d) -> nn.InstanceNorm2d:
    instance = nn.InstanceNorm2d(norm.num_features, eps=norm.eps, affine=norm.affine)
    instance.weight, instance.bias = norm.weight, norm.bias
    return instance
