"""Spectral normalisation of a discriminator (Miyato et al., ICLR 2018, arXiv 1802.05957)."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm


def normalise_spectrally(layers: nn.Module, *, ends_free: bool) -> None:
    """Hold the largest singular value of every convolution at 1; `ends_free` leaves out the first and the last one."""
    convolutions = [module for module in layers.modules() if isinstance(module, nn.Conv2d)]
    for convolution in convolutions[1:-1] if ends_free else convolutions:
        spectral_norm(convolution)
