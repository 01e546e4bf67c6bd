"""GANs from noise: G makes pictures of latent numbers z, D tells them from real ones (Goodfellow et al., 2014).

Pictures are float32 NCHW in [-1, 1]; x is a real one and y its class, where there are classes. A system of the family
is a row of PRESETS: its networks, its loss, its settings.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor

from ...adversarial import AdversarialObjective
from ...adversarial.compatibility import check_compatible
from ...diagnostics.health import Observed
from ...errors import require
from ...evaluation.distances import jackknifed, sliced_wasserstein
from ...hardware.batch_part import drawn
from ...hardware.device import Placement
from ...losses.pixel import l1
from ...networks import Generator
from ...networks.from_noise import CRITICS, NOISE_GENERATORS
from ...networks.from_noise.base import Critic, NoiseGenerator, grid
from ...networks.from_noise.fastgan import FastganCritic
from ...networks.from_noise.progan import Growing, ProganCritic
from ...networks.from_noise.stylegan2 import StyleganGenerator
from ...ports import Ports
from ..base import Batch, Method
from ..building import Stateful, optimizer_for, placed, predictions
from ..config import TrainConfig
from ..dividing import Descents, kept_small
from ..stages import Stage
from .checks import check
from .config import FromNoiseConfig, FromNoiseOptions
from .file import NoiseFile, ports_of
from .growth import FADES, LEVEL, at_level, growth_stages, shown
from .judged import Judge
from .networks import channels_of, critic_of, generator_of
from .presets import PRESETS
from .resting import ACCURACY, Resting
from .samples import RGBA, as_shown, fakes, for_samples, seed_of, views
from .style import PathLength, styles_of

SAMPLES = 7
"""Generated pictures beside each real one of the sample grid."""


class Gan(Method):
    """G and D, one update each a step, D first."""

    Config = FromNoiseConfig
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = PRESETS
    best_metric = "val_swd"
    data_kind = "single"

    def __init__(self, G: NoiseGenerator, D: Critic, placement: Placement, options: FromNoiseOptions) -> None:
        super().__init__(placement, options)
        self.o = options
        self.G, self.D = placed(G, placement), D.to(placement.device)
        self.gan = AdversarialObjective(options.gan, placement)
        lazy_g = options.path_length_every if options.path_length else 1
        self.opt_g = optimizer_for([self.G], options.optimizer, lazy=lazy_g)
        self.opt_d = optimizer_for(
            [self.D],
            options.optimizer.of_discriminators(),
            lazy=options.gan.penalty_every if options.gan.penalised else 1,
        )
        self.networks = {"G": self.G, "D": self.D}
        self.objectives = {"D": self.gan}
        self.optimizers = {"g": self.opt_g, "d": self.opt_d}
        self.path_length = PathLength() if options.path_length else None
        self.resting = Resting(options.d_rests_above) if options.d_rests_above < 1 else None
        self.average_generators(options)

    @classmethod
    def for_samples(cls, config: TrainConfig, shape: tuple[int, ...] | None) -> TrainConfig:
        """Of points the size is 1."""
        return for_samples(cast(FromNoiseConfig, config), shape)

    @classmethod
    def resume_config(cls, config: TrainConfig, before: TrainConfig) -> TrainConfig:
        """Channels stay what was found, with alpha or without."""
        if config.data.channels:
            return config
        return config.model_copy(update={"data": config.data.model_copy(update={"channels": before.data.channels})})

    @classmethod
    def complete_config(cls, config: TrainConfig, count: int) -> TrainConfig:
        """The configuration with all options of both networks and the length counted in images."""
        config = cast(FromNoiseConfig, config)
        require("generator", config.generator.name, NOISE_GENERATORS)
        require("discriminator", config.discriminator.name, CRITICS)
        discriminator = config.discriminator.complete()
        check_compatible(config.gan, discriminator, config.batch)
        images = config.images or max(1, round(config.epochs * count / config.packed)) * config.packed
        generator = config.generator.complete()
        whole = config.model_copy(update={"images": images, "generator": generator, "discriminator": discriminator})
        check(whole)
        return whole

    @classmethod
    def generators(cls, config: TrainConfig) -> dict[str, Generator]:
        """G as a file has it: with a port for whatever decides a picture."""
        return {"model": cast(Generator, NoiseFile(generator_of(cast(FromNoiseConfig, config))))}

    @classmethod
    def file_ports(cls, config: TrainConfig, stem: str) -> Ports | None:  # noqa: ARG003
        """Those of NoiseFile."""
        config = cast(FromNoiseConfig, config)
        with torch.device("meta"):
            G = generator_of(config)
        return ports_of(G, channels_of(config), config.sides, config.data.domains or ())

    @classmethod
    def build(cls, config: TrainConfig, placement: Placement) -> Self:
        """Networks by name, initialised as their papers have it."""
        config = cast(FromNoiseConfig, config)
        D = critic_of(config)
        method = cls.of(config)(generator_of(config), D, placement, config)
        for objective in method.objectives.values():
            objective.has_alpha, objective.at_raw = channels_of(config) == RGBA, True
        return method

    @classmethod
    def of(cls, config: FromNoiseConfig) -> type[Self]:
        """The step that these networks are trained by."""
        from .lapgan import Lapgan  # late: it is a Gan itself

        return cast(type[Self], Lapgan) if config.generator.name == "lapgan" else cls

    @classmethod
    def stages(cls, config: TrainConfig) -> tuple[Stage, ...]:
        """One, or those of networks that grow."""
        (whole,) = super().stages(config)
        if config.generator.name != "progan":
            return (whole,)
        _, _, doublings = grid(cast(FromNoiseConfig, config).sides)
        return growth_stages(doublings, whole.images, whole.schedule)

    @classmethod
    def notes(cls, config: TrainConfig) -> list[str]:
        """The same of what this method alone has."""
        own_batches = config.gan.d_steps > 1 or config.gan.g_steps > 1
        said = (
            "fresh_fakes has no effect with gan.d_steps or gan.g_steps above 1, as G's updates then have batches, and "
            "fakes, of their own. Leave it out."
        )
        asked = cast(FromNoiseConfig, config).fresh_fakes
        return super().notes(config) + ([said] if asked and own_batches else [])

    @classmethod
    def task(cls, config: TrainConfig) -> str:  # noqa: ARG003
        """What an exported model does."""
        return "generation"

    def at(self, seen: int, whole: int | None = None) -> None:
        """Networks that grow are as large as the stage says."""
        super().at(seen, whole)
        if isinstance(self.G, Growing):
            position = self.timeline.at(seen)
            level = int(position.stage.settings[LEVEL])
            alpha = position.share if position.stage.settings[FADES] else 1.0
            for network in self.networks.values():
                cast(Growing, network).grow(level, alpha)

    def begin_stage(self, stage: Stage) -> None:
        """The optimizers begin anew where a level is added, and so does the pool, whose pictures are too small."""
        if stage.settings.get(FADES):
            for optimizer in self.optimizers.values():
                optimizer.state.clear()
            self.gan.pool.empty()

    def kind_of_step(self) -> Hashable | None:
        """Growth and lazy regularisation decide, too; while a level fades in, each step has another share of it."""
        if isinstance(self.G, Growing) and self.G.alpha < 1:
            return None
        grown = self.G.level if isinstance(self.G, Growing) else None
        return super().kind_of_step(), grown, self._is_path_due(), self.resting is not None and self.resting.now

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """As of every method; how often D was right decides whether it rests in the next one."""
        scalars = super().step(batch)
        return scalars if self.resting is None else self.resting.look(scalars)

    def descents(self, batch: Batch) -> Descents:
        """One update of D, then one of G, which has pictures of the same classes."""
        x, y = batch["image"], batch.get("label") if self.G.classes else None
        if isinstance(self.D, ProganCritic):
            x = at_level(x, self.D, self.D.alpha)
        D = Judge(self.D, y, self.o.packed, matches=self.o.gan.feature_matching > 0)
        g_turn, d_turn = self.updates.turn()
        scalars: dict[str, Tensor] = {}
        with torch.set_grad_enabled(g_turn and not (d_turn and self.o.fresh_fakes)), self.placement.autocast():
            fake, styles = self._generated(len(x), y)

        if d_turn:
            d_loss, of_d = self.gan.d_loss(D, fake, x)
            scalars |= of_d
            if self.o.reconstruction:
                scalars["d_reconstruction"] = self._reconstruction(x)
                d_loss = d_loss + self.o.reconstruction * scalars["d_reconstruction"]
            if self.resting is not None:
                scalars[ACCURACY] = self.resting.accuracy(scalars)
            if self.resting is None or not self.resting.now:
                yield self.opt_d, d_loss

        if g_turn:
            if d_turn and self.o.fresh_fakes:
                with self.placement.autocast():
                    fake, styles = self._generated(len(x), y)
            g_loss, of_g = self.gan.g_loss(D, fake, x)
            scalars |= of_g
            if self.path_length is not None and styles is not None and self._is_path_due():
                scalars["g_path_length"] = self.path_length(fake, styles)
                g_loss = g_loss + self.o.path_length * self.o.path_length_every * scalars["g_path_length"]
            yield self.opt_g, g_loss
        return scalars

    def _generated(self, count: int, y: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(count, C, H, W) of fresh z, and the styles that they were made with."""
        z = drawn(lambda n: prior(self.G, n, self.placement.device), count)
        return self._made(z, y) if self.o.fresh_fakes else kept_small(self.division, self.G, self._made, z, y)

    def _made(self, z: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if not isinstance(self.G, StyleganGenerator):
            return self.G(z, y), None
        styles = styles_of(self.G, z, y, self.o.mixing)
        return self.G.synthesis(styles, self.G.fresh_noise(len(z), z.device)), styles

    def _is_path_due(self) -> bool:
        return self.path_length is not None and self.updates.of_g % self.o.path_length_every == 0

    def _reconstruction(self, x: Tensor) -> Tensor:
        with self.placement.autocast():
            drawn_again, whole = cast(FastganCritic, self.D).rebuilt(x)
        return l1(drawn_again, whole)

    @torch.no_grad()
    def sample_columns(self, batch: Batch) -> dict[str, Tensor]:
        """Real pictures, and beside each SAMPLES generated ones of its class, always of the same z."""
        x, y = batch["image"], batch.get("label") if self.G.classes else None
        G, draw = cast(NoiseGenerator, self.served("model")), torch.Generator().manual_seed(seed_of(x))
        columns = {"real": x}
        for n in range(SAMPLES):
            z = prior(G, len(x), torch.device("cpu"), draw).to(x.device)
            with torch.autocast(x.device.type, enabled=False):
                picture = G(z, y).float().clamp(-1, 1)
            columns[str(n + 1)] = shown(picture, (x.shape[2], x.shape[3]))
        return columns

    def grid_columns(self, columns: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
        """Pictures; points as a plane with all of them."""
        return as_shown(columns, rows)

    @torch.no_grad()
    def validate(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """`val_swd`: sliced Wasserstein distance of patches of the samples from those of the real pictures."""
        return {"val_swd": sliced_wasserstein(views(fakes(columns)), views(columns["real"]))}

    @torch.no_grad()
    def picture_figures(self, columns: Mapping[str, Tensor]) -> dict[str, list[float]]:
        """The same in parts of a jackknife."""
        return {"val_swd": jackknifed([(views(fakes(columns)), views(columns["real"]))])}

    def observed(self, batch: Batch, columns: Mapping[str, Tensor]) -> dict[str, Observed]:
        """Samples and real pictures, with their classes; D where it judges each picture alone, of one size."""
        is_plain = self.o.packed == 1 and not isinstance(self.G, Growing)
        is_plain = is_plain and not self.o.minibatch_kernels  # their sums grow with the batch, and samples are more
        told = (batch["label"], "label") if self.G.classes else (None, "")
        return {"": Observed(fakes(columns), columns["real"], "image", self.D if is_plain else None, *told)}

    def loss_summary(self, scalars: Mapping[str, float]) -> str:
        """D(real) and D(fake)."""
        return ", ".join(predictions(scalars))

    def _parts(self) -> dict[str, Stateful]:
        own = {"path_length": self.path_length, "resting": self.resting}
        return {**super()._parts(), **{name: part for name, part in own.items() if part is not None}}


def prior(G: NoiseGenerator, count: int, device: torch.device, draw: torch.Generator | None = None) -> Tensor:
    """(count, latent): z of G, from N(0, 1) or U(-1, 1)."""
    dtype = next(G.parameters()).dtype
    if G.prior == "uniform":
        return torch.rand(count, G.latent, device=device, dtype=dtype, generator=draw) * 2 - 1
    return torch.randn(count, G.latent, device=device, dtype=dtype, generator=draw)
