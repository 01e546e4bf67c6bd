"""The rows of the table: what is trained, and what was published of it.

PacGAN: Lin et al., NeurIPS 2018, arXiv 1712.04086, and its released code; unrolled: Metz et al., ICLR 2017, arXiv
1611.02163. Networks and settings are those of the first.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from i2i.hardware.device import Placement
from i2i.methods import METHODS
from i2i.methods.from_noise.gan import Gan
from i2i.settings import resolve

STEPS = 500_000
"""Of the published runs."""
BATCH = 128
"""What D sees at once in them: pictures, or packs of pictures."""
SAMPLES = 25_600
"""Pictures that modes are counted in."""
UNROLLED_RATE = 2e-3
"""Of the plain gradient steps that are looked ahead; the paper unrolls Adam."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One system."""

    name: str
    width: int
    """Channels of D's first layer: 2 for a D of a quarter, 4 for one of a half (585 and 1,889 parameters)."""
    published: float
    """Modes of 1,000, mean of the published runs."""
    packed: int = 1
    unrolled: int = 0

    def settings(self, batch: int = BATCH, rates: float = 1.0) -> dict[str, Any]:
        """What differs from the defaults of the method `gan`; `rates` is a factor of both learning rates."""
        return {
            "size": 28,
            "batch": batch * self.packed,
            "packed": self.packed,
            "generator": {"name": "stacked"},
            "discriminator": {"name": "stacked", "width": self.width},
            "optimizer": {
                "lr": 1e-4 * rates, "lr_d": 2e-4 * rates, "beta1": 0.5, "beta2": 0.99, "decay_from": 1.0,
            },
            "gan": {"unrolled": self.unrolled, "unrolled_rate": UNROLLED_RATE * rates},
        }  # fmt: skip

    def method(self, batch: int = BATCH, rates: float = 1.0) -> Gan:
        """The method with fresh networks, on one core in fp32, for a run without end."""
        layers = [self.settings(batch, rates), {"data": {"path": "mnist"}, "images": STEPS * batch * self.packed}]
        config = Gan.complete_config(resolve(METHODS["gan"].Config, layers), 60_000)
        return Gan.from_config(config, Placement(torch.device("cpu"), "fp32", ""))


QUARTER = (
    Row("dcgan", 2, 30.6),
    Row("pac2", 2, 484.5, packed=2),
    Row("pac3", 2, 601.3, packed=3),
    Row("pac4", 2, 667.4, packed=4),
    Row("unrolled1", 2, 65.4, unrolled=1),
    Row("unrolled5", 2, 236.4, unrolled=5),
    Row("unrolled10", 2, 327.2, unrolled=10),
)
HALF = (
    Row("half-dcgan", 4, 628.0),
    Row("half-pac2", 4, 840.7, packed=2),
    Row("half-pac3", 4, 866.6, packed=3),
    Row("half-pac4", 4, 820.2, packed=4),
    Row("half-unrolled1", 4, 523.6, unrolled=1),
    Row("half-unrolled5", 4, 732.0, unrolled=5),
    Row("half-unrolled10", 4, 817.4, unrolled=10),
)
ROWS = {row.name: row for row in (*QUARTER, *HALF)}
SHORTENED = ("dcgan", "pac2", "pac3", "pac4", "unrolled5")
"""Rows of the shortened form."""
SHORT_BATCH, SHORT_RATES, SHORT_SEEDS = 32, 10.0, 3
"""Its packs a step, factor of the rates, and seeds a row."""
