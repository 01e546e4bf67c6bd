"""pix2pix: a conditional GAN with an L1 term, on aligned pairs (Isola et al., CVPR 2017, arXiv 1611.07004).

Pictures are float32 NCHW in [-1, 1]; x is the input, y the truth, G: x -> y, and D sees (x, y) together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ..adversarial import AdversarialObjective
from ..diagnostics.health import Observed
from ..evaluation.metrics import psnr, ssim
from ..hardware.device import Placement
from ..losses.pixel import l1
from ..networks import Discriminator, Generator
from ..networks.build import check_size
from ..networks.init import init_normal
from ..networks.unet import unet_for
from .base import Batch, Method
from .building import build_discriminator, build_generator, completed, optimizer_for, placed, predictions
from .config import MethodOptions, TrainConfig
from .dividing import Descents, kept_small
from .tensors import each_alone, to_floats


class Pix2PixOptions(MethodOptions):
    """What the method itself uses of the settings; the defaults are the paper's."""

    lambda_l1: float = Field(100, ge=0)
    """Weight of the L1 term (eq. 4)."""
    lambda_d: float = Field(0.5, gt=0)
    """Weight of D's loss: halved, which slows D against G (section 3.3)."""


class Pix2PixConfig(Pix2PixOptions, TrainConfig):
    """All settings of a run of pix2pix."""

    method: str = "pix2pix"
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

    def __init__(self, G: nn.Module, D: Discriminator, placement: Placement, options: Pix2PixOptions) -> None:
        super().__init__(placement, options)
        self.o = options
        self.G, self.D = placed(G, placement), D.to(placement.device)
        self.gan = AdversarialObjective(options.gan, placement)
        self.opt_g = optimizer_for([self.G], options.optimizer)
        self.opt_d = optimizer_for([self.D], options.optimizer.of_discriminators())
        self.networks = {"G": self.G, "D": self.D}
        self.objectives = {"D": self.gan}
        self.optimizers = {"g": self.opt_g, "d": self.opt_d}
        self.average_generators(options)

    @classmethod
    def complete_config(cls, config: TrainConfig, count: int) -> TrainConfig:
        """The configuration with the networks named and the length counted in images."""
        return completed(config, count, unet_for)

    @classmethod
    def scored_by(cls, config: TrainConfig) -> tuple[str, ...]:  # noqa: ARG003
        """The L1 error, or what people compare pictures by."""
        return ("val_l1", "val_psnr", "val_ssim")

    @classmethod
    def generators(cls, config: TrainConfig) -> dict[str, Generator]:
        """G, from the input's channels to the truth's."""
        return {"model": build_generator(config, config.channels())}

    @classmethod
    def build(cls, config: TrainConfig, placement: Placement) -> Self:
        """Networks by name, initialised from N(0, init_std)."""
        config = cast(Pix2PixConfig, config)
        G = cls.generators(config)["model"]
        D = build_discriminator(config, sum(config.channels()))
        check_size(config.size, G, D)
        for network in (G, D):
            init_normal(network, config.init_std)
        return cls(G, D, placement, config)

    def descents(self, batch: Batch) -> Descents:
        """One update of D, then one of G, on pairs: `a` is x and `b` is y."""
        x, y = batch["a"], batch["b"]
        g_turn, d_turn = self.updates.turn()
        scalars: dict[str, Tensor] = {}
        with torch.set_grad_enabled(g_turn), self.placement.autocast():
            fake = kept_small(self.division, self.G, self.G, x)

        if d_turn:
            d_loss, of_d = self.gan.d_loss(self.D, fake, y, given=x)
            scalars |= of_d
            yield self.opt_d, self.o.lambda_d * d_loss  # eq. 1

        if g_turn:
            gan, of_g = self.gan.g_loss(self.D, fake, y, given=x)
            scalars |= of_g
            scalars["g_l1"] = l1(fake, y)  # eq. 3
            yield self.opt_g, gan + self.o.lambda_l1 * scalars["g_l1"]  # eq. 4
        return scalars

    @torch.no_grad()
    def sample_columns(self, batch: Batch) -> dict[str, Tensor]:
        """Input, output and truth, each picture translated alone."""
        output = each_alone(self.trained("model"), batch["a"])
        return {"input": batch["a"], "output": output, "truth": batch["b"]}

    def validate(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """Mean absolute error in [0, 1]."""
        return {"val_l1": l1(columns["output"], columns["truth"]).item() / 2}

    def picture_figures(self, columns: Mapping[str, Tensor]) -> dict[str, list[float]]:
        """The same picture by picture, PSNR in dB and SSIM: of all channels, not rounded."""
        output, truth = columns["output"], columns["truth"]
        pairs = list(zip(to_floats(output), to_floats(truth), strict=True))
        return {
            "val_l1": ((output - truth).abs().flatten(1).mean(1) / 2).tolist(),
            "val_psnr": [psnr(*pair) for pair in pairs],
            "val_ssim": [ssim(*pair) for pair in pairs],
        }

    def observed(self, batch: Batch, columns: Mapping[str, Tensor]) -> dict[str, Observed]:  # noqa: ARG002
        """Outputs and truths, which D sees beside the input."""
        seen = Observed(columns["output"], columns["truth"], "b", self.D, columns["input"], "a", paired=True)
        return {"": seen}

    def loss_summary(self, scalars: Mapping[str, float]) -> str:
        """The L1 error in [0, 1], D(real) and D(fake)."""
        off = [f"L1 {scalars['g_l1'] / 2:.3f}"] if "g_l1" in scalars else []
        return ", ".join([*off, *predictions(scalars)])
