"""pix2pix: a conditional GAN with an L1 term, on aligned pairs (Isola et al., CVPR 2017, arXiv 1611.07004).

Pictures are float32 NCHW in [-1, 1]; x is the input, y the truth, G: x -> y, and D judges (x, y) together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ..config import AdamConfig, DiscriminatorConfig, GeneratorConfig, TrainConfig
from ..device import Placement
from ..losses import gan_loss, l1
from ..networks import (
    DISCRIMINATORS,
    GENERATORS,
    as_served,
    build,
    check_size,
    complete,
    init_normal,
    require,
    unet_for,
)
from .base import Batch, Method, adam, frozen


class Pix2PixConfig(TrainConfig):
    """The settings of pix2pix; the defaults are the paper's."""

    method: str = "pix2pix"
    generator: GeneratorConfig = GeneratorConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
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
        lambda_l1: float = 100,
        lambda_d: float = 0.5,
    ) -> None:
        super().__init__(placement)
        self.G, self.D = G.to(placement.device), D.to(placement.device)
        self.opt_g, self.opt_d = adam(self.G, optimizer), adam(self.D, optimizer)
        self.lambda_l1, self.lambda_d = lambda_l1, lambda_d
        self.networks = {"G": self.G, "D": self.D}
        self.optimizers = {"g": self.opt_g, "d": self.opt_d}
        self.generators = {"model": "G"}

    @classmethod
    def resolved(cls, config: TrainConfig, count: int) -> Pix2PixConfig:
        """The configuration with the generator named and the length counted in images."""
        config = cast(Pix2PixConfig, config)
        name = unet_for(config.size) if config.generator.name == "auto" else config.generator.name
        require("generator", name, GENERATORS)
        require("discriminator", config.discriminator.name, DISCRIMINATORS)
        g_options = complete(GENERATORS, name, config.generator.model_dump(exclude={"name"}))
        d_name = config.discriminator.name
        d_options = complete(DISCRIMINATORS, d_name, config.discriminator.model_dump(exclude={"name"}))
        return config.model_copy(
            update={
                "images": config.images or max(1, round(config.epochs * count)),
                "generator": GeneratorConfig(name=name, **g_options),
                "discriminator": DiscriminatorConfig(name=d_name, **d_options),
            }
        )

    @classmethod
    def from_config(cls, config: TrainConfig, placement: Placement) -> Self:
        """Networks by name, initialised from N(0, init_std)."""
        config = cast(Pix2PixConfig, config)
        channels = (config.data.channels_a or 3, config.data.channels_b or 3)
        x_channels, y_channels = channels if config.direction == "a2b" else channels[::-1]
        g_options = config.generator.model_dump(exclude={"name"})
        d_options = config.discriminator.model_dump(exclude={"name"})
        G = build(GENERATORS, "generator", config.generator.name, (x_channels, y_channels), g_options)
        D = build(DISCRIMINATORS, "discriminator", config.discriminator.name, (x_channels + y_channels,), d_options)
        check_size(config.size, G, D)
        for network in (G, D):
            init_normal(network, config.init_std)
        return cls(G, D, placement, optimizer=config.optimizer, lambda_l1=config.lambda_l1, lambda_d=config.lambda_d)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One update of D, then one of G, on pairs: `a` is x and `b` is y."""
        x, y = batch["a"], batch["b"]
        with self.placement.autocast():
            fake = self.G(x)
            real_logits = self.D(torch.cat([x, y], 1))
            fake_logits = self.D(torch.cat([x, fake.detach()], 1))
        d_real, d_fake = gan_loss(real_logits, real=True), gan_loss(fake_logits, real=False)
        self.descend(self.opt_d, self.lambda_d * (d_real + d_fake))  # eq. 1

        with frozen(self.D):
            with self.placement.autocast():
                judged = self.D(torch.cat([x, fake], 1))
            g_gan = gan_loss(judged, real=True)
            g_l1 = l1(fake, y)  # eq. 3
            self.descend(self.opt_g, g_gan + self.lambda_l1 * g_l1)  # eq. 4

        return {
            "g_gan": g_gan,
            "g_l1": g_l1,
            "d_real": d_real,
            "d_fake": d_fake,
            "p_real": torch.sigmoid(real_logits.float()).mean(),
            "p_fake": torch.sigmoid(fake_logits.float()).mean(),
        }

    @torch.no_grad()
    def show(self, batch: Batch) -> dict[str, Tensor]:
        """Input, output and truth, each picture translated alone."""
        G = as_served(self.G)
        outputs = [G(x[None]) for x in batch["a"]]
        return {"input": batch["a"], "output": torch.cat(outputs), "truth": batch["b"]}

    def score(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """Mean absolute error in [0, 1]."""
        return {"val_l1": l1(columns["output"], columns["truth"]).item() / 2}

    def words(self, scalars: Mapping[str, float]) -> str:
        """How far off G is, and what D believes."""
        return (
            f"off by {scalars['g_l1'] / 2:.1%}, D believes {scalars['p_real']:.0%} of the real "
            f"and {scalars['p_fake']:.0%} of the made"
        )
