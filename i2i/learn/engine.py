"""The GAN that the page trains: networks from noise, their objective and optimizers, a step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from ..adversarial import AdversarialObjective, check_compatible
from ..diagnostics.health import Observed
from ..hardware.device import Placement
from ..methods import Batch, Method
from ..methods.building import adam, predictions
from ..methods.config import TrainConfig
from ..methods.dividing import Descents
from ..networks import Discriminator, Generator
from ..networks.config import DiscriminatorConfig
from ..networks.from_noise import CRITICS, NOISE_GENERATORS, build_for

FIXED = 256
"""Latents that the same outputs are made of again and again."""


class Net(BaseModel):
    """A network by name, and its options."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str = "mlp"


class LearnConfig(TrainConfig):
    """Settings of a training on the page."""

    method: str = "gan"
    generator: Net = Net()  # type: ignore[assignment]
    discriminator: Net = Net()  # type: ignore[assignment]
    shape: tuple[int, int, int] = (2, 1, 1)
    prior: str = "normal"
    size: int = Field(16, ge=1)


class LearnGan(Method):
    """One update of D and one of G a step, or in turns."""

    Config = LearnConfig
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {}
    best_metric = "val_distance"
    data_kind = "single"

    def __init__(self, placement: Placement, config: LearnConfig) -> None:
        super().__init__(placement, config)
        check_compatible(config.gan, DiscriminatorConfig(), config.batch)
        self.o = config
        channels, *size = config.shape
        of_g, of_d = dict(config.generator.model_extra or {}), dict(config.discriminator.model_extra or {})
        self.G = build_for(NOISE_GENERATORS, "generator", config.generator.name, channels, (size[0], size[1]), 0, of_g)
        critic = build_for(CRITICS, "discriminator", config.discriminator.name, channels, (size[0], size[1]), 0, of_d)
        self.D = Discriminator(nn.Sequential(*critic.layers, critic.last, nn.Unflatten(1, (1, 1, 1))), spectral=False)
        self.gan = AdversarialObjective(config.gan, placement)
        self.opt_g = adam([self.G], config.optimizer)
        self.opt_d = adam([self.D], config.optimizer, lr=config.optimizer.lr_d)
        self.networks, self.objectives = {"G": self.G, "D": self.D}, {"D": self.gan}
        self.optimizers = {"g": self.opt_g, "d": self.opt_d}
        self.fixed = self.latents(FIXED, torch.Generator().manual_seed(1))

    @classmethod
    def complete_config(cls, config: TrainConfig, count: int) -> TrainConfig:  # noqa: ARG003
        """Every setting is given."""
        return config

    @classmethod
    def generators(cls, config: TrainConfig) -> dict[str, Generator]:  # noqa: ARG003
        """None is exported."""
        return {}

    @classmethod
    def build(cls, config: TrainConfig, placement: Placement) -> Self:
        """Both networks, as torch initialises them."""
        return cls(placement, cast(LearnConfig, config))

    def latents(self, count: int, draw: torch.Generator | None = None) -> Tensor:
        """(count, latent) of the prior."""
        if self.o.prior == "uniform":
            return 2 * torch.rand(count, self.G.latent, generator=draw) - 1
        return torch.randn(count, self.G.latent, generator=draw)

    def descents(self, batch: Batch) -> Descents:
        """One update of D, then one of G."""
        real = batch["image"]
        g_turn, d_turn = self.updates.turn()
        scalars: dict[str, Tensor] = {}
        with torch.set_grad_enabled(g_turn):
            fake = self.G(self.latents(len(real)))
        if d_turn:
            loss, of_d = self.gan.d_loss(self.D, fake, real)
            scalars |= of_d
            yield self.opt_d, loss
        if g_turn:
            loss, of_g = self.gan.g_loss(self.D, fake, real)
            scalars |= of_g
            yield self.opt_g, loss
        return scalars

    @torch.no_grad()
    def sample_columns(self, batch: Batch) -> dict[str, Tensor]:
        """Outputs on fixed latents, and held-out samples."""
        self.G.eval()
        fake = self.G(self.fixed)
        self.G.train()
        return {"fake": fake, "real": batch["image"]}

    def validate(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """Mean distance of equal quantiles, over coordinates."""
        gap = columns["fake"].flatten(1).sort(0).values - columns["real"].flatten(1).sort(0).values
        return {"val_distance": float(gap.abs().mean())}

    def observed(self, batch: Batch, columns: Mapping[str, Tensor]) -> dict[str, Observed]:  # noqa: ARG002
        """Both sets, and D."""
        return {"": Observed(columns["fake"], columns["real"], "image", self.D)}

    def loss_summary(self, scalars: Mapping[str, float]) -> str:
        """D(real) and D(fake)."""
        return ", ".join(predictions(scalars))
