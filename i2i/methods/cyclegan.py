"""CycleGAN: two GANs that undo each other, on unpaired pictures (Zhu et al., ICCV 2017, arXiv 1703.10593).

Pictures are float32 NCHW in [-1, 1]; x in X and y in Y. G: X -> Y and F: Y -> X; D_Y sees pictures of Y, D_X of X.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ..adversarial import suffixed
from ..adversarial.config import GanConfig
from ..errors import ConfigError
from ..hardware.device import Placement
from ..losses.pixel import l1
from ..networks import Discriminator, has_batch_statistics
from ..networks.config import DiscriminatorConfig
from ..networks.norms import frozen_running_stats
from .base import Batch
from .building import completed
from .config import MethodOptions, TrainConfig
from .dividing import Descents
from .unpaired import BothDirections, refuse_direction, two_of_each


class CycleGANOptions(MethodOptions):
    """What the method itself uses of the settings; the defaults are the paper's."""

    gan: GanConfig = GanConfig(loss="least_squares", pool=50)
    """Least squares, and a pool of 50 past fakes (section 4)."""
    lambda_cycle: float = Field(10, ge=0)
    """Weight lambda of the cycle consistency of both directions (eq. 3)."""
    lambda_identity: float = Field(0.5, ge=0)
    """Weight of the identity terms, as a share of `lambda_cycle` (section 5.2); 0 leaves them out."""
    lambda_d: float = Field(0.5, gt=0)
    """Weight of the discriminators' losses: halved, which slows them against G and F (section 4)."""


class CycleGANConfig(CycleGANOptions, TrainConfig):
    """All settings of a run of CycleGAN."""

    method: str = "cyclegan"
    discriminator: DiscriminatorConfig = DiscriminatorConfig(norm="instance")
    """70-pixel patches, and instance normalisation."""
    init_std: float = Field(0.02, gt=0)
    """Standard deviation of the initial weights."""


class CycleGAN(BothDirections):
    """G, F, D_X and D_Y of the paper: a step updates G and F together, then both discriminators."""

    Config = CycleGANConfig
    exports: ClassVar[Mapping[str, str]] = {"a2b": "G", "b2a": "F"}
    discriminators = ("D_X", "D_Y")
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        # Snow must be free to cover what it covers, so the identity counts less; averaged weights, no checkerboard.
        "season": {"generator": {"up": "resize"}, "lambda_identity": 0.1, "ema": {"images": 5000}},
        # Few paintings and much to repaint: the cycle holds less tight, and D cannot learn the paintings by heart.
        "style": {
            "generator": {"up": "resize"},
            "lambda_cycle": 5,
            "gan": {"augment": ["translation", "cutout"], "augment_p": 0.5},
            "ema": {"images": 5000},
        },
        "fast": {
            "size": 128,
            "batch": 4,
            "generator": {"width": 32, "up": "resize"},
            "discriminator": {"width": 32},
            "optimizer": {"lr": 4e-4},
            "lambda_identity": 0.1,
            "ema": {"images": 2000},
        },
    }

    def __init__(
        self, generators: tuple[nn.Module, nn.Module], discriminators: tuple[Discriminator, Discriminator],
        placement: Placement, options: CycleGANOptions,
    ) -> None:  # fmt: skip
        super().__init__(generators, discriminators, placement, options)
        self.o = options
        self.G, self.F = generators
        self.D_X, self.D_Y = discriminators
        self.gan_x, self.gan_y = self.objectives.values()
        self.batch_independent = not (has_batch_statistics(self.G) or has_batch_statistics(self.F))

    @classmethod
    def complete_config(cls, config: TrainConfig, count: int) -> TrainConfig:
        """The configuration with the networks named and the length in images.

        9 blocks from 256 pixels on, 6 below; a U-Net has InstanceNorm and no dropout, as in the authors' code.
        """
        refuse_direction(config)
        G = config.generator
        if G.name.startswith("unet"):  # whose own defaults are Pix2Pix's
            as_here = {"norm": "instance", "dropout": 0.0, **G.options}
            config = config.model_copy(update={"generator": G.but(**as_here)})
        return completed(config, count, lambda size: "resnet9" if size >= 256 else "resnet6")

    @classmethod
    def build(cls, config: TrainConfig, placement: Placement) -> Self:
        """Networks by name, initialised from N(0, init_std)."""
        config = cast(CycleGANConfig, config)
        of_x, of_y = config.data.channels_of("a", "b")
        if of_x != of_y and config.lambda_identity > 0:
            raise ConfigError(
                f"The identity terms put pictures of one domain ({of_x} channels) where those of the other ({of_y}) "
                "belong. Use --set lambda_identity=0, or read both alike with --set data.channels.a=3 "
                "--set data.channels.b=3."
            )
        return cls(*two_of_each(cls, config, config.init_std), placement, config)

    def descents(self, batch: Batch) -> Descents:
        """One update of G and F, then one of D_X and D_Y: `a` is x and `b` is y, which do not belong together."""
        x, y = batch["a"], batch["b"]
        g_turn, d_turn = self.updates.turn()
        scalars: dict[str, Tensor] = {}
        with torch.set_grad_enabled(g_turn), self.placement.autocast():
            fake_y, same_y = self._translate(self.G, x, y, g_turn)  # G(x), G(y)
            fake_x, same_x = self._translate(self.F, y, x, g_turn)  # F(y), F(x)
            if g_turn:
                with frozen_running_stats(self.F), frozen_running_stats(self.G):
                    cycle_x, cycle_y = self.F(fake_y), self.G(fake_x)

        if g_turn:
            gan_y, of_y = self.gan_y.g_loss(self.D_Y, fake_y, y)  # eq. 1, for G
            gan_x, of_x = self.gan_x.g_loss(self.D_X, fake_x, x)  # the same, for F
            g_cycle_x, g_cycle_y = l1(cycle_x, x), l1(cycle_y, y)  # eq. 2
            loss = gan_y + gan_x + self.o.lambda_cycle * (g_cycle_x + g_cycle_y)  # eq. 3
            scalars |= suffixed(of_x, "x") | suffixed(of_y, "y") | {"g_cycle_x": g_cycle_x, "g_cycle_y": g_cycle_y}
            if same_x is not None and same_y is not None:
                g_identity_x, g_identity_y = l1(same_x, x), l1(same_y, y)  # section 5.2
                loss = loss + self.o.lambda_cycle * self.o.lambda_identity * (g_identity_x + g_identity_y)
                scalars |= {"g_identity_x": g_identity_x, "g_identity_y": g_identity_y}
            yield self.opt_g, loss

        if d_turn:
            d_x, of_x = self.gan_x.d_loss(self.D_X, fake_x, x)
            d_y, of_y = self.gan_y.d_loss(self.D_Y, fake_y, y)
            scalars |= suffixed(of_x, "x") | suffixed(of_y, "y")
            yield self.opt_d, self.o.lambda_d * (d_x + d_y)
        return scalars

    def _translate(
        self, network: nn.Module, foreign: Tensor, own: Tensor, g_turn: bool
    ) -> tuple[Tensor, Tensor | None]:
        """The network's picture of the other domain, and of its own, which it should leave as it is.

        In one pass where pictures do not influence each other: half the visits to the weights.
        """
        if not (g_turn and self.o.lambda_identity > 0):
            return network(foreign), None
        if not self.batch_independent:
            translated = network(foreign)
            with frozen_running_stats(network):
                return translated, network(own)
        translated, same = network(torch.cat([foreign, own])).split([len(foreign), len(own)])
        return translated, same
