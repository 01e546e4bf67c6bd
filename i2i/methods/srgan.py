"""Super-resolution and restoration in two stages: a pixel loss, then a GAN with the pixel loss kept.

SRGAN: Ledig et al., CVPR 2017, arXiv 1609.04802. ESRGAN: Wang et al., ECCVW 2018, arXiv 1809.00219. Real-ESRGAN: Wang
et al., ICCVW 2021, arXiv 2107.10833. Pictures are float32 NCHW in [-1, 1]: x the low-resolution input, y the
high-resolution truth, `scale` times as large, and G: x -> y. Pixel losses are those of pictures in [0, 1], as the
papers' weights take them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..adversarial import AdversarialObjective
from ..degradation import SHARPENED, Degradation
from ..diagnostics.health import Observed
from ..errors import ConfigError
from ..evaluation.metrics import psnr_y
from ..hardware.device import Placement
from ..losses.perceptual import Perceptual, build_perceptual, local_weights, resolve, weights_of
from ..losses.pixel import charbonnier, checkerboard_loss, l1, mse
from ..networks import DISCRIMINATORS, Discriminator, Generator
from ..networks.build import check_size, geometry_of
from .base import Batch, Method
from .building import build_discriminator, build_generator, completed, optimizer_for, placed, predictions
from .config import AdamConfig, TrainConfig
from .dividing import Descents
from .srgan_config import PRESETS, SrganConfig, SrganOptions
from .stages import Stage
from .tensors import each_alone, to_pictures

PIXEL = {"l1": l1, "mse": mse, "charbonnier": charbonnier}
"""Pixel losses by name."""
UNIT = {"l1": 2, "mse": 4, "charbonnier": 2}
"""What each is divided by, so that it is that of pictures in [0, 1]."""


WITH_LUMA = (1, 3)
"""Channels of pictures that have a Y."""
WITHOUT_PERCEPTUAL = (
    "the adversarial stage goes without a perceptual loss, so its textures will be less true. To have one: --set "
    "perceptual.network=vgg19 downloads 548 MB, --set perceptual.weights=FILE takes weights of VGG-19 or SqueezeNet."
)


class SRGAN(Method):
    """G alone on a pixel loss; then G and D, one update each a step, G first, from the averaged weights."""

    Config = SrganConfig
    PRESETS = PRESETS
    data_kind = "superres"
    best_metric = "val_l1"

    def __init__(
        self,
        G: nn.Module,
        D: Discriminator | None,
        perceptual: Perceptual | None,
        placement: Placement,
        options: SrganOptions,
    ) -> None:
        super().__init__(placement, options)
        self.o = options
        self.G = placed(G, placement)
        self.opt_g = optimizer_for([self.G], options.optimizer)
        self.networks, self.optimizers = {"G": self.G}, {"g": self.opt_g}
        self.average_generators(options)
        self.perceptual = perceptual.to(placement.device) if perceptual is not None else None
        if D is not None:
            self._add_discriminator(D)

    def _add_discriminator(self, D: Discriminator) -> None:
        """What the adversarial stage needs: D, and a copy of G as the pixel stage leaves it, to compare with."""
        self.D = D.to(self.placement.device)
        self.gan = AdversarialObjective(self.o.gan, self.placement)
        rate = self.o.optimizer.lr_d or self.o.gan_lr
        self.opt_d = optimizer_for([self.D], self.o.optimizer.of_discriminators(), lr=rate)
        self.G_pixel = copy.deepcopy(self.G).requires_grad_(False)
        self.networks |= {"D": self.D, "G_pixel": self.G_pixel}
        self.objectives = {"D": self.gan}
        self.optimizers["d"] = self.opt_d

    @classmethod
    def stages(cls, config: TrainConfig) -> tuple[Stage, ...]:
        """`pixel`, and where it is asked for `adversarial`, each with a schedule of its own."""
        config = cast(SrganConfig, config)
        pixel = Stage("pixel", config.images or 0, schedule=config.schedule.factor)
        if config.gan_images == 0:
            return (pixel,)
        added = frozenset({"D", "G_pixel", "d"})
        return pixel, Stage("adversarial", config.gan_images, added, schedule=config.gan_schedule.factor)

    @classmethod
    def scored_by(cls, config: TrainConfig) -> tuple[str, ...]:
        """The L1 error, or PSNR over Y of pictures that have one."""
        return ("val_l1", *(("val_psnr_y",) if config.channels()[1] in WITH_LUMA else ()))

    @property
    def adversarial(self) -> bool:
        """Whether the second stage has begun."""
        return self.stage == "adversarial"

    @classmethod
    def notes(cls, config: TrainConfig) -> list[str]:
        """Also that an adversarial stage goes without a perceptual loss."""
        config = cast(SrganConfig, config)
        without = config.gan_images and config.lambda_perceptual > 0 and config.perceptual.network == "none"
        return [*super().notes(config), *([WITHOUT_PERCEPTUAL] if without else [])]

    @classmethod
    def task(cls, config: TrainConfig) -> str:
        """Super-resolution or, at scale 1, restoration."""
        return "super-resolution" if cast(SrganConfig, config).scale > 1 else "restoration"

    @classmethod
    def complete_config(cls, config: TrainConfig, count: int) -> TrainConfig:
        """The configuration with the networks named and the length counted in images."""
        config = cast(SrganConfig, config)
        usual = "compact" if config.scale > 1 else "restorer"
        config = completed(config, count, lambda _: usual)
        if config.direction == "b2a" and config.scale > 1:
            raise ConfigError("srgan goes from small pictures to large ones, so --direction b2a has no place here.")
        if config.optimizer.decay_from != AdamConfig().decay_from:
            raise ConfigError(
                "srgan's learning rate follows schedule and gan_schedule, not optimizer.decay_from. "
                "Try --set schedule.kind=cosine."
            )
        if config.gan_images == 0:
            return config
        perceptual = resolve(config.perceptual)
        if config.lambda_perceptual > 0 and perceptual.network != "none":
            weights_of(perceptual)  # before the folder is read, which may take long
        return config.model_copy(update={"perceptual": perceptual})

    @classmethod
    def resume_config(cls, config: TrainConfig, before: TrainConfig) -> TrainConfig:
        """With the perceptual network that the run has, where `auto` would choose; ConfigError where it is gone."""
        config, before = cast(SrganConfig, config), cast(SrganConfig, before)
        if before.gan_images and (before.discriminator.name, config.discriminator.name) == ("vgg", "srgan"):
            config = config.model_copy(update={"discriminator": before.discriminator})  # of the preset `paper` once
        asked, had = config.perceptual, before.perceptual
        if before.gan_images == 0 or asked.network != "auto" or asked.weights is not None:
            return config
        if had.network != "none" and had.weights is None and local_weights(had.network) is None:
            raise ConfigError(
                f"This run compares by {had.network}, whose weights are no longer at hand. Say where they are with "
                f"--set perceptual.weights=FILE, or have them downloaded: --set perceptual.network={had.network}."
            )
        kept = {"network": had.network, "layers": asked.layers or had.layers, "weights": had.weights}
        return config.model_copy(update={"perceptual": asked.model_copy(update=kept)})

    @classmethod
    def source_options(cls, config: TrainConfig) -> dict[str, Any]:
        """The scale, and whether low-resolution pictures are made while training."""
        config = cast(SrganConfig, config)
        return {"scale": config.scale, "pipeline": config.degradation.kind == "pipeline"}

    @classmethod
    def batch_transform(cls, config: TrainConfig) -> Degradation | None:
        """The degradation, which makes inputs of truths."""
        config = cast(SrganConfig, config)
        if config.degradation.kind != "pipeline":
            return None
        return Degradation(config.degradation, config.scale, config.size, config.seed)

    @classmethod
    def card_facts(cls, config: TrainConfig) -> dict[str, Any]:
        """The degradation, so that the model can be scored on what it learned to undo."""
        config = cast(SrganConfig, config)
        return {"degradation": config.degradation.model_dump()} if config.degradation.kind == "pipeline" else {}

    @classmethod
    def generators(cls, config: TrainConfig) -> dict[str, Generator]:
        """G, which enlarges by the scale."""
        return {"model": build_generator(config, config.channels(), cast(SrganConfig, config).scale)}

    @classmethod
    def build(cls, config: TrainConfig, placement: Placement) -> Self:
        """Networks by name, initialised as they please; raises where weights for the perceptual loss are missing."""
        config = cast(SrganConfig, config)
        G = cls.generators(config)["model"]
        _, y_channels = config.channels()
        D, perceptual = None, None
        if config.gan_images:
            wanted = geometry_of(DISCRIMINATORS, config.discriminator.name).multiple
            check_size(config.size, G, None, config.scale, wanted)
            D = build_discriminator(config, y_channels)
            if config.lambda_perceptual > 0:
                perceptual = build_perceptual(config.perceptual, y_channels, config.size)
        check_size(config.size, G, D, config.scale)
        return cls(G, D, perceptual, placement, config)

    def begin_stage(self, stage: Stage) -> None:
        """The adversarial one begins with the weights that the pixel stage shows, and with a fresh optimizer."""
        if stage.name != "adversarial":
            return
        self.G.load_state_dict(self.trained("model").state_dict())
        self.G_pixel.load_state_dict(self.G.state_dict())
        self.opt_g = self.optimizers["g"] = optimizer_for([self.G], self.o.optimizer, lr=self.o.gan_lr)

    def descents(self, batch: Batch) -> Descents:
        """One update of G on the pixel loss; in the second stage one of G on all losses, then one of D."""
        x, y, target = self.pair(batch)
        if not self.adversarial:
            with self.placement.autocast():
                fake = self.G(x)
            g_pixel = self.pixel_loss(fake, target)
            yield self.opt_g, g_pixel
            return {"g_pixel": g_pixel}

        g_turn, d_turn = self.updates.turn()
        scalars: dict[str, Tensor] = {}
        with torch.set_grad_enabled(g_turn), self.placement.autocast():
            fake = self.G(x)
        if g_turn:
            gan, scalars = self.gan.g_loss(self.D, fake, y)
            scalars["g_pixel"] = self.pixel_loss(fake, target)
            loss = self.o.lambda_pixel * scalars["g_pixel"] + self.o.lambda_gan * gan
            if self.perceptual is not None:
                with self.placement.autocast():
                    scalars["g_perceptual"] = self.perceptual(fake, target)
                loss = loss + self.o.lambda_perceptual * scalars["g_perceptual"]  # ESRGAN, eq. 3
            if self.o.lambda_checkerboard > 0 and self.o.scale > 1:  # at scale 1 it is a blurred pixel loss
                scalars["g_checkerboard"] = checkerboard_loss(fake, target, self.o.scale) / 2
                loss = loss + self.o.lambda_checkerboard * scalars["g_checkerboard"]
            yield self.opt_g, loss
        if d_turn:
            d_loss, of_d = self.gan.d_loss(self.D, fake, y)  # ESRGAN, eq. 1
            scalars |= of_d
            yield self.opt_d, d_loss
        return scalars

    def pair(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """x, y, and what pixel and perceptual loss compare with: y, or y sharpened by the degradation."""
        return batch["a"], batch["b"], batch.get(SHARPENED, batch["b"])

    def pixel_loss(self, fake: Tensor, target: Tensor) -> Tensor:
        """The configured loss, of pictures in [0, 1]."""
        name = self.o.pixel
        return PIXEL[name](fake, target) / UNIT[name]

    @torch.no_grad()
    def sample_columns(self, batch: Batch) -> dict[str, Tensor]:
        """All at the size of y: x enlarged without learning, what G makes of it after either stage, and y."""
        x, y, _ = self.pair(batch)
        columns = enlarged(x, self.o.scale) if self.o.scale > 1 else {"input": x}
        if self.adversarial:
            columns["pixel loss"] = each_alone(self.G_pixel, x)
            columns["GAN"] = each_alone(self.trained("model"), x)
        else:
            columns["pixel loss"] = each_alone(self.trained("model"), x)
        return {**columns, "truth": y}

    def validate(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """Of what is served: mean absolute error in [0, 1]."""
        output, truth = columns["GAN" if "GAN" in columns else "pixel loss"], columns["truth"]
        return {"val_l1": l1(output, truth).item() / 2}

    def picture_figures(self, columns: Mapping[str, Tensor]) -> dict[str, list[float]]:
        """The same picture by picture, and PSNR over Y in dB, `scale` pixels of border cut, where there is a Y."""
        output, truth = columns["GAN" if "GAN" in columns else "pixel loss"], columns["truth"]
        figures = {"val_l1": ((output - truth).abs().flatten(1).mean(1) / 2).tolist()}
        if truth.shape[1] in WITH_LUMA:
            pairs = zip(to_pictures(output), to_pictures(truth), strict=True)
            border = self.o.scale if self.o.scale > 1 else 0
            figures["val_psnr_y"] = [
                psnr_y(made.astype(np.float32) / 255, true.astype(np.float32) / 255, border) for made, true in pairs
            ]
        return figures

    def observed(self, batch: Batch, columns: Mapping[str, Tensor]) -> dict[str, Observed]:  # noqa: ARG002
        """What the generator of the present stage makes, and the truth; D is there in the second one alone."""
        output = columns["GAN" if "GAN" in columns else "pixel loss"]
        return {"": Observed(output, columns["truth"], "b", self.D if self.adversarial else None, paired=True)}

    def loss_summary(self, scalars: Mapping[str, float]) -> str:
        """The L1 error in [0, 1], D(real) and D(fake)."""
        off = [f"L1 {scalars['g_pixel']:.4f}"] if "g_pixel" in scalars and self.o.pixel == "l1" else []
        return ", ".join([*off, *predictions(scalars)])


def enlarged(x: Tensor, scale: int) -> dict[str, Tensor]:
    """(N, C, H, W) in [-1, 1], enlarged without learning: by nearest neighbours, and bicubically (a = -0.5)."""
    bicubic = F.interpolate(x, scale_factor=scale, mode="bicubic", antialias=True)  # antialias: torch's way to that a
    return {"nearest": F.interpolate(x, scale_factor=scale, mode="nearest"), "bicubic": bicubic.clamp(-1, 1)}
