"""The methods by name: one file a paper. A new one is a file in this folder and a line here."""

from __future__ import annotations

from .base import Batch, Method
from .cyclegan import CycleGAN
from .discogan import DiscoGAN
from .from_noise.gan import Gan
from .pix2pix import Pix2Pix
from .srgan import SRGAN

__all__ = ["METHODS", "Batch", "Method"]

METHODS: dict[str, type[Method]] = {
    "pix2pix": Pix2Pix,
    "cyclegan": CycleGAN,
    "discogan": DiscoGAN,
    "srgan": SRGAN,
    "gan": Gan,
}
