"""How weights begin."""

from __future__ import annotations

import torch
from torch import nn

from .upsampling import ShuffleConv2d


def init_normal(network: nn.Module, std: float = 0.02) -> None:
    """Weights from N(0, std), norm weights from N(1, std), biases 0 (Isola et al., 2017, section 6.2)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            parametrized = getattr(module, "parametrizations", None)  # spectral normalisation keeps the weight there
            nn.init.normal_(module.weight if parametrized is None else parametrized.weight.original, 0.0, std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            if isinstance(module, ShuffleConv2d):
                module.repeat_kernels()
        elif isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, std)
            nn.init.zeros_(module.bias)


@torch.no_grad()
def kaiming(network: nn.Module, share: float = 1.0) -> None:
    """Convolutions of `network` from N(0, 2 / fan-in) (He et al., 2015, eq. 10), times `share`; biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            module.weight.mul_(share)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        if isinstance(module, ShuffleConv2d):
            module.repeat_kernels()
