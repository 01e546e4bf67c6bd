"""The smallest GANs: points in the plane and digits of 8x8 pixels, through the real loop, objective and optimizers.

A sample is `{"image": (C, H, W)}` in [-1, 1]; points are pictures of two channels and one pixel.
"""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw
from pydantic import Field
from torch import Tensor, nn

from i2i.adversarial import AdversarialObjective
from i2i.diagnostics.health import Observed
from i2i.diagnostics.health.sets import projections
from i2i.evaluation.distances import wasserstein
from i2i.hardware.device import Placement
from i2i.methods import Batch, Method
from i2i.methods.building import adam, predictions
from i2i.methods.config import TrainConfig
from i2i.methods.dividing import Descents
from i2i.networks import Discriminator, Generator
from i2i.networks.config import GeneratorConfig

from .truth import MADE, REAL, of_digits, of_ring

Floats = npt.NDArray[np.float32]
MNIST = Path(__file__).resolve().parents[2].parent / "shared/data/mnist.zip"
HELD_OUT, LATENT = 256, 8


class ToyConfig(TrainConfig):
    """Settings of a toy: those of every method, and where its training departs from the usual on purpose."""

    method: str = "toy"
    toy: str = "ring"
    """A name of TOYS."""
    count: int = 3500
    """Training samples."""
    size: int = Field(16, ge=16)
    generator: GeneratorConfig = GeneratorConfig(name="compact")
    g_width: int = 64
    d_width: int = 64
    norm: bool = False
    """Batch normalisation in G."""
    target: str = "gan"
    """`gan`, or `projections`: a G that lowers the very distance of sets that it is measured by."""


class ToyGAN(Method):
    """Two multilayer perceptrons: G of LATENT numbers, D of what it makes. One update of each a step, or in turns."""

    Config = ToyConfig
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {}
    best_metric = "val_distance"
    data_kind = "single"

    def __init__(self, placement: Placement, config: ToyConfig) -> None:
        super().__init__(placement, config)
        self.o, self.shape = config, np.shape(TOYS[config.toy](1, 0)[0])
        out = int(np.prod(self.shape))
        self.G = perceptron(LATENT, config.g_width, out, norm=config.norm)
        if out > 2:
            self.G.append(nn.Tanh())
        hidden = perceptron(out, config.d_width, 1)
        self.D = Discriminator(nn.Sequential(nn.Flatten(), *hidden, nn.Unflatten(1, (1, 1, 1))), spectral=False)
        self.gan = AdversarialObjective(config.gan, placement)
        self.opt_g = adam([self.G], config.optimizer)
        self.opt_d = adam([self.D], config.optimizer, lr=config.optimizer.lr_d)
        self.networks, self.objectives = {"G": self.G, "D": self.D}, {"D": self.gan}
        self.optimizers = {"g": self.opt_g, "d": self.opt_d}
        self.fixed = torch.randn(HELD_OUT, LATENT, generator=torch.Generator().manual_seed(1))

        self.directions = projections(out)
        self.fresh = torch.randn(MADE, LATENT, generator=torch.Generator().manual_seed(2))

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
        return cls(placement, cast(ToyConfig, config))

    def make(self, z: Tensor) -> Tensor:
        """(N, LATENT) -> (N, C, H, W)."""
        made: Tensor = self.G(z)
        return made.reshape(-1, *self.shape)

    def descents(self, batch: Batch) -> Descents:
        """One update of D, then one of G."""
        real = batch["image"]
        g_turn, d_turn = self.updates.turn()
        scalars: dict[str, Tensor] = {}
        with torch.set_grad_enabled(g_turn):
            fake = self.make(torch.randn(len(real), LATENT))
        if d_turn:
            loss, of_d = self.gan.d_loss(self.D, fake, real)
            scalars |= of_d
            yield self.opt_d, loss
        if g_turn:
            loss, of_g = self.gan.g_loss(self.D, fake, real)
            scalars |= of_g
            if self.o.target == "projections":  # what a metric looks at, lowered directly
                loss = wasserstein(fake.flatten(1) @ self.directions, real.flatten(1) @ self.directions).mean()
            yield self.opt_g, loss
        return scalars

    @torch.no_grad()
    def sample_columns(self, batch: Batch) -> dict[str, Tensor]:
        """Outputs on fixed latents, and held-out samples."""
        self.G.eval()
        fake = self.make(self.fixed)
        self.G.train()
        return {"fake": fake, "real": batch["image"]}

    def validate(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """Mean distance of equal quantiles, over coordinates."""
        gap = columns["fake"].flatten(1).sort(0).values - columns["real"].flatten(1).sort(0).values
        return {"val_distance": float(gap.abs().mean()), **self._truths()}

    @torch.no_grad()
    def _truths(self) -> dict[str, float]:
        """What is true of 1,000 other outputs; networks are judged without a trace in them."""
        self.G.eval()
        fake = self.make(self.fresh)
        self.G.train()
        if self.o.toy == "ring":
            return of_ring(fake.flatten(1), torch.from_numpy(centres()))
        if self.o.toy != "digits":
            return {}
        train, (unseen, labels) = tensors("digits", self.o.count, 2 * self.o.seed), unseen_digits()
        return of_digits(fake, train, unseen, labels, self.D)

    def observed(self, batch: Batch, columns: Mapping[str, Tensor]) -> dict[str, Observed]:  # noqa: ARG002
        """Both sets, and D."""
        return {"": Observed(columns["fake"], columns["real"], "image", self.D)}

    def loss_summary(self, scalars: Mapping[str, float]) -> str:
        """D(real) and D(fake)."""
        return ", ".join(predictions(scalars))


def perceptron(inputs: int, width: int, outputs: int, *, norm: bool = False) -> nn.Sequential:
    """Two hidden layers, or none where they are 0 wide."""
    if width == 0:
        return nn.Sequential(nn.Linear(inputs, outputs))
    layers: list[nn.Module] = []
    for wide in (inputs, width):
        layers += [nn.Linear(wide, width), *([nn.BatchNorm1d(width)] if norm else []), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def centres() -> Floats:
    """(8, 2): those of the eight Gaussians."""
    angle = np.arange(8) * 2 * np.pi / 8
    return (0.7 * np.stack([np.cos(angle), np.sin(angle)], 1)).astype(np.float32)


def ring(count: int, seed: int) -> Floats:
    """(count, 2, 1, 1): eight Gaussians at angles 2 pi i / 8."""
    rng = np.random.default_rng((seed, 8))
    points = centres()[rng.integers(8, size=count)] + 0.02 * rng.standard_normal((count, 2))
    return points[:, :, None, None].astype(np.float32)


def blob(count: int, seed: int) -> Floats:
    """(count, 2, 1, 1): one Gaussian off the middle."""
    rng = np.random.default_rng((seed, 1))
    return (0.3 + 0.1 * rng.standard_normal((count, 2)))[:, :, None, None].astype(np.float32)


@functools.cache
def _digits() -> tuple[Floats, list[int]]:
    """(6000, 1, 8, 8) in [-1, 1]: digits of MNIST averaged down, painted ones where it is not there; which each is."""
    rng = np.random.default_rng(0)
    found, labels = [], []
    if MNIST.exists():
        with zipfile.ZipFile(MNIST) as archive:
            names = sorted(name for name in archive.namelist() if name.startswith("train/") and name.endswith(".png"))
            for place in rng.permutation(len(names))[:6000]:
                picture = Image.open(io.BytesIO(archive.read(names[place]))).convert("L")
                found.append(np.asarray(picture.crop((2, 2, 26, 26)).resize((8, 8), Image.Resampling.BOX)))
                labels.append(int(names[place].split("/")[1]))
    else:
        for n in range(6000):
            picture = Image.new("L", (24, 24))
            left, top = rng.uniform(4, 10), rng.uniform(1, 6)
            ImageDraw.Draw(picture).text((left, top), str(n % 10), fill=int(rng.integers(180, 256)))
            turned = picture.rotate(rng.uniform(-15, 15), Image.Resampling.BILINEAR)
            found.append(np.asarray(turned.resize((8, 8), Image.Resampling.BOX)))
            labels.append(n % 10)
    return (np.stack(found)[:, None].astype(np.float32) / 127.5 - 1).clip(-1, 1), labels


def digits(count: int, seed: int) -> Floats:
    """(count, 1, 8, 8): of the training ones as the seed draws them; held-out ones for an odd seed."""
    found, _ = _digits()
    if seed % 2:
        return found[::-1][:count]
    return found[np.random.default_rng(seed).permutation(len(found) - HELD_OUT - REAL)[:count]]


def unseen_digits() -> tuple[Tensor, Tensor]:
    """REAL digits that no run trains or validates on, and which each is."""
    found, labels = _digits()
    where = slice(-HELD_OUT - REAL, -HELD_OUT)
    return torch.from_numpy(np.ascontiguousarray(found[where])), torch.tensor(labels[where])


TOYS = {"ring": ring, "blob": blob, "digits": digits}


@functools.lru_cache(4)
def tensors(toy: str, count: int, seed: int) -> Tensor:
    """Samples of a toy."""
    return torch.from_numpy(np.ascontiguousarray(TOYS[toy](count, seed)))


def batches_of(config: ToyConfig, start: int, stop: int) -> Iterator[Batch]:
    """Training samples from number `start` on, in an order that the seed decides, turned where the settings say so."""
    pictures = tensors(config.toy, config.count, 2 * config.seed)
    count, order = len(pictures), functools.lru_cache(2)(lambda epoch: _order(config.seed, epoch, len(pictures)))
    for first in range(start, stop, config.batch):
        numbers = range(first, min(first + config.batch, stop))
        batch = pictures[torch.tensor([order(n // count)[n % count] for n in numbers])]
        if "rotate90" in config.data.augment:
            turns = np.random.default_rng((config.seed, first)).integers(4, size=len(batch))
            batch = torch.stack([torch.rot90(one, int(k), (1, 2)) for one, k in zip(batch, turns, strict=True)])
        yield {"image": batch}


def _order(seed: int, epoch: int, count: int) -> list[int]:
    order: list[int] = np.random.default_rng((seed, epoch)).permutation(count).tolist()
    return order
