"""DiscoGAN: relations between two domains, found without pairs (Kim et al., ICML 2017, arXiv 1703.05192).

Pictures are float32 NCHW in [-1, 1]; errors are taken in [0, 1], the authors' range. G_AB: A -> B and G_BA: B -> A; D_A
is the discriminator of A, D_B of B. The defaults are the authors' released code, which adds to the paper a
feature-matching term and a curriculum, and takes two steps of the generators for one of the discriminators.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, ClassVar, Literal, Self, cast

import torch
from pydantic import Field
from torch import nn

from ..adversarial import Scalars, suffixed
from ..adversarial.config import GanConfig
from ..hardware.device import Placement
from ..losses.pixel import mse
from ..networks import Discriminator
from ..networks.config import DiscriminatorConfig, GeneratorConfig
from ..networks.norms import frozen_running_stats
from .base import Batch
from .building import completed
from .config import AdamConfig, DataConfig, MethodOptions, TrainConfig
from .dividing import Descents
from .unpaired import BothDirections, refuse_direction, two_of_each


class DiscoData(DataConfig):
    """The authors' pictures: stretched to the size, and nothing else."""

    augment: tuple[str, ...] = ("none",)
    stretch: bool = True


class DiscoGANOptions(MethodOptions):
    """What the method itself uses of the settings; the defaults are the authors' code."""

    gan: GanConfig = GanConfig(feature_matching=9, g_steps=2)
    """0.1 · (cross-entropy + 9 · feature matching), two steps of G for one of D."""
    optimizer: AdamConfig = AdamConfig(weight_decay=1e-5, decay_from=1)
    """Adam with weight decay, and a constant rate."""
    rate: float = Field(0.5, ge=0, le=1)
    """Share of the reconstruction in the generators' loss; the adversarial loss has the rest."""
    starting_rate: float = Field(0.01, ge=0, le=1)
    """The same during the curriculum."""
    curriculum: int = Field(10_000, ge=0)
    """Steps at the start with `starting_rate`."""
    lambda_gan: float = Field(0.1, ge=0)
    """Weight of the adversarial loss beside its share."""
    reconstruct: Literal["both", "a", "none"] = "both"
    """What is translated there and back: `both`; `a` alone, with D_A idle; `none`, two plain GANs (paper, figure 2)."""


class DiscoGANConfig(DiscoGANOptions, TrainConfig):
    """All settings of a run of DiscoGAN."""

    method: str = "discogan"
    size: int = Field(64, ge=16)
    batch: int = Field(64, ge=1)
    data: DiscoData
    generator: GeneratorConfig = GeneratorConfig(name="disco")
    """The encoder-decoder without the bottleneck."""
    discriminator: DiscriminatorConfig = DiscriminatorConfig(name="disco")
    init_std: float | None = Field(None, gt=0)
    """Standard deviation of the initial weights; by default torch's own initialisation, as the authors'."""


class DiscoGAN(BothDirections):
    """G_AB, G_BA, D_A and D_B: on each batch a step of both generators or of both discriminators, in turns."""

    Config = DiscoGANConfig
    exports: ClassVar[Mapping[str, str]] = {"a2b": "G_AB", "b2a": "G_BA"}
    discriminators = ("D_A", "D_B")
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {  # equations 3 to 7 and section 4, without what the released code adds
            "batch": 200,
            "gan": {"feature_matching": 0, "g_steps": 1},
            "optimizer": {"weight_decay": 1e-4},
            "curriculum": 0,
            "lambda_gan": 1,
        },
        # The authors' settings for turned cars and faces: what is shared must pass through 100 numbers.
        "pose": {"generator": {"name": "disco_bottleneck"}, "rate": 0.9, "starting_rate": 0.9},
        # Larger pictures keep their places: a generator that works at a quarter of the size, and patches.
        "season": {
            "data": {"augment": ["jitter", "flip"], "stretch": False},
            "size": 128,
            "batch": 4,
            "generator": {"name": "resnet6", "up": "resize"},
            "discriminator": {"name": "patch", "norm": "instance"},
            "curriculum": 1000,
            "rate": 0.9,
            "ema": {"images": 5000},
        },
        "style": {
            "data": {"augment": ["jitter", "flip"], "stretch": False},
            "size": 128,
            "batch": 4,
            "generator": {"name": "resnet6", "up": "resize"},
            "discriminator": {"name": "patch", "norm": "instance"},
            "gan": {"augment": ["translation", "cutout"], "augment_p": 0.5},
            "curriculum": 1000,
            "ema": {"images": 5000},
        },
        "fast": {"generator": {"width": 16}, "discriminator": {"width": 16}, "curriculum": 1000},
    }

    def __init__(
        self, generators: tuple[nn.Module, nn.Module], discriminators: tuple[Discriminator, Discriminator],
        placement: Placement, options: DiscoGANOptions,
    ) -> None:  # fmt: skip
        super().__init__(generators, discriminators, placement, options)
        self.o = options
        self.G_AB, self.G_BA = generators
        self.D_A, self.D_B = discriminators
        self.gan_a, self.gan_b = self.objectives.values()

    @classmethod
    def complete_config(cls, config: TrainConfig, count: int) -> TrainConfig:
        """The configuration with the networks named and the length counted in images."""
        refuse_direction(config)
        return completed(config, count, lambda _: "disco")

    @classmethod
    def build(cls, config: TrainConfig, placement: Placement) -> Self:
        """Networks by name, initialised as torch does unless `init_std` is given."""
        config = cast(DiscoGANConfig, config)
        return cls(*two_of_each(cls, config, config.init_std), placement, config)

    @classmethod
    def notes(cls, config: TrainConfig) -> list[str]:
        """Also that a run ends within its curriculum."""
        config = cast(DiscoGANConfig, config)
        steps = (config.images or 0) // config.batch
        short = steps <= config.curriculum and config.starting_rate != config.rate
        return [*super().notes(config), *([_shorter_than_its_curriculum(steps, config)] if short else [])]

    @property
    def in_curriculum(self) -> bool:
        """Whether the reconstruction still has its first share."""
        return self.updates.count < self.o.curriculum

    def kind_of_step(self) -> Hashable:
        """Also whether the curriculum is over."""
        return super().kind_of_step(), self.in_curriculum

    def descents(self, batch: Batch) -> Descents:
        """One update of both generators, or of both discriminators: `a` and `b` do not belong together."""
        x_A, x_B = batch["a"], batch["b"]
        r = self.o.starting_rate if self.in_curriculum else self.o.rate
        g_turn, d_turn = self.updates.turn()
        scalars: Scalars = {}
        with torch.set_grad_enabled(g_turn), self.placement.autocast():
            x_AB, x_BA = self.G_AB(x_A), self.G_BA(x_B)

        if g_turn:
            gan_B, of_B = self.gan_b.g_loss(self.D_B, x_AB, x_B)  # paper, eq. 5
            scalars |= suffixed(of_B, "b")
            loss = (1 - r) * self.o.lambda_gan * gan_B
            if self.o.reconstruct != "a":
                gan_A, of_A = self.gan_a.g_loss(self.D_A, x_BA, x_A)
                scalars |= suffixed(of_A, "a")
                loss = loss + (1 - r) * self.o.lambda_gan * gan_A
            for end in {"both": "ab", "a": "a", "none": ""}[self.o.reconstruct]:
                back, x, there = (self.G_BA, x_A, x_AB) if end == "a" else (self.G_AB, x_B, x_BA)
                with self.placement.autocast(), frozen_running_stats(back):
                    again = back(there)
                scalars[f"g_cycle_{end}"] = mse(again, x) / 4  # eq. 3 and 4; of [0, 1], which is half as wide
                loss = loss + r * scalars[f"g_cycle_{end}"]
            yield self.opt_g, loss

        if d_turn:
            loss, of_B = self.gan_b.d_loss(self.D_B, x_AB, x_B)  # eq. 7
            scalars |= suffixed(of_B, "b")
            if self.o.reconstruct != "a":
                d_A, of_A = self.gan_a.d_loss(self.D_A, x_BA, x_A)
                scalars |= suffixed(of_A, "a")
                loss = loss + d_A
            yield self.opt_d, loss / 2
        return scalars


def _shorter_than_its_curriculum(steps: int, config: DiscoGANConfig) -> str:
    counted = f"{steps} step" if steps == 1 else f"{steps} steps"
    return (
        f"this run of {counted} ends within its curriculum of {config.curriculum}, so the reconstruction never weighs "
        f"more than {config.starting_rate:g} and little ties an output to its input. Train longer, or shorten the "
        f"curriculum: --set curriculum={steps // 5}."
    )
