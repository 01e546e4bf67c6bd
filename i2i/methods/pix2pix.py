"""pix2pix: a conditional GAN with an L1 term, on aligned pairs (Isola et al., CVPR 2017, arXiv 1611.07004).

Pictures are float32 NCHW in [-1, 1]; x is the input, y the truth, G: x -> y, and D sees (x, y) together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ..adversarial import AdversarialObjective, UpdateSchedule
from ..adversarial.config import GanConfig
from ..hardware.device import Placement
from ..losses.pixel import l1
from ..networks.build import check_size
from ..networks.init import init_normal
from ..networks.unet import unet_for
from .base import Batch, Method
from .building import adam, build_discriminator, build_generator, completed, placed, predictions
from .config import AdamConfig, TrainConfig
from .ema import EmaConfig


class Pix2PixConfig(TrainConfig):
    """The settings of pix2pix; the defaults are the paper's."""

    method: str = "pix2pix"
    lambda_l1: float = Field(100, ge=0)
    """Weight of the L1 term (eq. 4)."""
    lambda_d: float = Field(0.5, gt=0)
    """Weight of D's loss: halved, which slows D against G (section 3.3)."""
    init_std: float = Field(0.02, gt=0)
    """Standard deviation of the initial weights."""


class Pix2Pix(Method):
    """G and D of the paper, one update each a step, D first."""

    Config = Pix2PixConfig
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "fast": {"size": 128, "batch": 4, "generator": {"width": 32}, "discriminator": {"width": 32}},
    }
    best_metric = "val_l1"

    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        placement: Placement,
        *,
        optimizer: AdamConfig,
        gan: GanConfig,
        ema: EmaConfig,
        lambda_l1: float = 100,
        lambda_d: float = 0.5,
    ) -> None:
        super().__init__(placement, UpdateSchedule(gan.d_steps, gan.g_steps), optimizer)
        self.G = placed(G, placement)
        self.D = AdversarialObjective(D.to(placement.device), gan, placement)
        self.opt_g = adam([self.G], optimizer)
        self.opt_d = adam([self.D.D], optimizer, lr=optimizer.lr_d)
        self.lambda_l1, self.lambda_d = lambda_l1, lambda_d
        self.networks = {"G": self.G, "D": self.D.D}
        self.objectives = {"D": self.D}
        self.optimizers = {"g": self.opt_g, "d": self.opt_d}
        self.generators = {"model": "G"}
        self.average(ema)

    @classmethod
    def complete_config(cls, config: TrainConfig, count: int) -> TrainConfig:
        """The configuration with the networks named and the length counted in images."""
        return completed(config, count, unet_for)

    @classmethod
    def from_config(cls, config: TrainConfig, placement: Placement) -> Self:
        """Networks by name, initialised from N(0, init_std)."""
        config = cast(Pix2PixConfig, config)
        channels = config.data.channels_of("a", "b")
        x_channels, y_channels = channels if config.direction == "a2b" else channels[::-1]
        G = build_generator(config, (x_channels, y_channels))
        D = build_discriminator(config, x_channels + y_channels)
        check_size(config.size, G, D)
        for network in (G, D):
            init_normal(network, config.init_std)
        weights = {"lambda_l1": config.lambda_l1, "lambda_d": config.lambda_d}
        return cls(G, D, placement, optimizer=config.optimizer, gan=config.gan, ema=config.ema, **weights)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One update of D, then one of G, on pairs: `a` is x and `b` is y."""
        x, y = batch["a"], batch["b"]
        g_turn, d_turn = self.turns.next()
        scalars: dict[str, Tensor] = {}
        with torch.set_grad_enabled(g_turn), self.placement.autocast():
            fake = self.G(x)

        if d_turn:
            d_loss, of_d = self.D.d_loss(fake, y, given=x)
            self.descend(self.opt_d, self.lambda_d * d_loss)  # eq. 1
            scalars |= of_d

        if g_turn:
            gan, of_g = self.D.g_loss(fake, y, given=x)
            scalars |= of_g
            scalars["g_l1"] = l1(fake, y)  # eq. 3
            self.descend(self.opt_g, gan + self.lambda_l1 * scalars["g_l1"])  # eq. 4
            self.follow(len(x))
        return scalars

    @torch.no_grad()
    def sample_columns(self, batch: Batch) -> dict[str, Tensor]:
        """Input, output and truth, each picture translated alone."""
        G = self.served("model")
        outputs = [G(x[None]) for x in batch["a"]]
        return {"input": batch["a"], "output": torch.cat(outputs), "truth": batch["b"]}

    def validate(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """Mean absolute error in [0, 1]."""
        return {"val_l1": l1(columns["output"], columns["truth"]).item() / 2}

    def loss_summary(self, scalars: Mapping[str, float]) -> str:
        """The L1 error in [0, 1], D(real) and D(fake)."""
        off = [f"L1 {scalars['g_l1'] / 2:.3f}"] if "g_l1" in scalars else []
        return ", ".join([*off, *predictions(scalars)])
