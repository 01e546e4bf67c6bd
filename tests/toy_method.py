"""A method outside of the product whose generator takes a label, a latent and explicit noise beside the picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from i2i.hardware.device import Placement, place
from i2i.methods import Method
from i2i.methods.building import adam
from i2i.methods.config import LogConfig, TrainConfig
from i2i.networks import Generator, Geometry
from i2i.ports import Port
from i2i.settings import resolve
from i2i.training.loader import batches, stack
from i2i.training.loop import Intervals, fit
from i2i.training.run_directory import Run

SEASONS = ("spring", "summer", "autumn", "winter")
TINTS = torch.tensor([[0, 0.6, 0.2], [0.5, 0.5, -0.4], [0.7, 0.2, -0.6], [-0.2, 0, 0.8]])
STEPS, SIZE = 20, 16


class ToyGenerator(Generator):
    """The picture, tinted by the season and by the latent, with noise added."""

    geometry = Geometry(multiple=4, smallest=4, receptive_field=3)

    def __init__(self) -> None:
        super().__init__()
        self.of_label = nn.Embedding(len(SEASONS), 3)
        self.of_latent = nn.Linear(6, 3)
        self.of_noise = nn.Conv2d(1, 3, 1)
        self.last = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor, label: Tensor, latent: Tensor, noise: Tensor) -> Tensor:
        """(N, 3, H, W), (N,), (N, 6), (N, 1, H, W) -> (N, 3, H, W)."""
        tint = self.of_label(label) + self.of_latent(latent)
        return torch.tanh(self.last(x + tint[:, :, None, None] + self.of_noise(noise)))


class Toy(Method):
    """An L1 loss on tinted pictures; there is nothing adversarial about it."""

    Config = TrainConfig
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {}
    best_metric = "val_l1"
    ports = (
        Port("label", "label", choices=SEASONS, default="summer"),
        Port("latent", "latent", (6,)),
        Port("noise", "noise", (1, None, None), 0.0, 1.0),
    )

    def __init__(self, placement: Placement, config: TrainConfig) -> None:
        super().__init__(placement, config)
        self.G = self.generators(config)["model"]
        self.opt_g = adam([self.G], config.optimizer)
        self.networks, self.optimizers = {"G": self.G}, {"g": self.opt_g}

    @classmethod
    def complete_config(cls, config: TrainConfig, count: int) -> TrainConfig:  # noqa: ARG003
        return config

    @classmethod
    def generators(cls, config: TrainConfig) -> dict[str, Generator]:  # noqa: ARG003
        return {"model": ToyGenerator()}

    @classmethod
    def build(cls, config: TrainConfig, placement: Placement) -> Toy:
        return cls(placement, config)

    def step(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        x, n = batch["a"], len(batch["a"])
        y = self.G(x, batch["label"], torch.randn(n, 6), torch.randn(n, 1, *x.shape[2:]))
        loss = (y - batch["b"]).abs().mean()
        self.descend(self.opt_g, loss)
        return {"g_l1": loss}

    @torch.no_grad()
    def sample_columns(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        x, n = batch["a"], len(batch["a"])
        y = self.served("model")(x, batch["label"], torch.zeros(n, 6), torch.zeros(n, 1, *x.shape[2:]))
        return {"input": x, "output": y, "truth": batch["b"]}

    def validate(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        return {"val_l1": (columns["output"] - columns["truth"]).abs().mean().item() / 2}

    def loss_summary(self, scalars: Mapping[str, float]) -> str:
        return f"off by {scalars['g_l1'] / 2:.1%}"


class Seasons:
    """Samples that are functions of their number; the label is int64."""

    def __getitem__(self, n: int) -> dict[str, Any]:
        rng = np.random.default_rng((7, n))
        x = rng.uniform(-0.5, 0.5, (3, SIZE, SIZE)).astype(np.float32)
        label = n % len(SEASONS)
        y = np.clip(x + TINTS[label].numpy()[:, None, None], -1, 1).astype(np.float32)
        return {"a": x, "b": y, "label": np.int64(label)}


def train_toy(folder: Path) -> Run:
    """Twenty steps through the real loop into a run directory; `METHODS` has to know `toy`."""
    layers = [{"data": {"path": "seasons"}, "method": "toy", "size": SIZE, "batch": 2, "images": 2 * STEPS}]
    config = resolve(TrainConfig, layers)
    torch.manual_seed(0)
    method, run, device = Toy.from_config(config, place("cpu", "fp32")), Run(folder), place("cpu", "fp32").device
    run.start(config)
    fit(
        method,
        lambda _, start: batches(Seasons(), start, 2 * STEPS, 2, 0, device),
        run,
        Intervals.of(2 * STEPS, 2, LogConfig(every=10, samples=20, checkpoint=20)),
        validation=(["one", "two"], stack([Seasons()[1000], Seasons()[1001]], device)),
        rows=2,
        keep=2,
    )
    return run
