"""Runs of tiny networks on noise, trained as the command does it; for the tests of what a run keeps and changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from i2i.hardware.device import place
from i2i.methods import METHODS, Method
from i2i.methods.config import LogConfig, TrainConfig
from i2i.settings import resolve
from i2i.training.checkpoint import Progress
from i2i.training.loader import Sample, batches, stack
from i2i.training.loop import Intervals, fit
from i2i.training.run_directory import Run

SIZE = 64
TINY: dict[str, Any] = {
    "data": {"path": "noise"},
    "size": SIZE,
    "batch": 2,
    "images": 8,
    "generator": {"width": 4},
    "discriminator": {"width": 4},
}
TRANSLATORS = [name for name, method in METHODS.items() if method.data_kind != "single"]
"""Methods of pictures from pictures, whose networks have the same options."""
STAGES: dict[str, Callable[[int], dict[str, Any]]] = {
    "srgan": lambda images: {"scale": 1, "images": images // 4, "gan_images": images - images // 4},
}
"""How the images of a run are shared between its stages, by method; the others have one. The last is adversarial."""
SHALLOW = [f"--set=generator.{setting}" for setting in ("name=compact", "blocks=1")]
"""For `i2i train`: the generator that is traced in the least time, where what it exports is not what is tested."""
Ranges = Mapping[str, tuple[float, float]]
EVEN: Ranges = {"a": (-1, 1), "b": (-1, 1), "image": (-1, 1)}


class Noise:
    """Samples that are functions of their number."""

    def __init__(self, size: int = SIZE, ranges: Ranges = EVEN) -> None:
        self.size, self.ranges = size, ranges

    def __getitem__(self, n: int) -> Sample:
        rng = np.random.default_rng((7, n))
        shape = (3, self.size, self.size)
        return {side: rng.uniform(*ends, shape).astype(np.float32) for side, ends in self.ranges.items()}


def noise(*numbers: int, size: int = SIZE, ranges: Ranges = EVEN, device: str = "cpu") -> dict[str, Tensor]:
    """The samples of these numbers as a batch."""
    return stack([Noise(size, ranges)[n] for n in numbers], torch.device(device))


def tiny(name: str, **settings: Any) -> TrainConfig:
    """The method's defaults with tiny networks and `settings` on top, complete."""
    stages = STAGES[name](settings.get("images", TINY["images"])) if name in STAGES else {}
    layers = [
        TINY,
        {"method": name, **settings, **{k: v for k, v in stages.items() if k == "images" or k not in settings}},
    ]
    return METHODS[name].complete_config(resolve(METHODS[name].Config, layers), 10)


def begun(name: str, precision: str = "fp32", device: str = "cpu", **settings: Any) -> Method:
    """The method with the networks that a run with these settings begins with."""
    config = tiny(name, **settings)
    torch.manual_seed(config.seed)
    return METHODS[name].from_config(config, place(device, precision))


def fresh(name: str, precision: str = "fp32", device: str = "cpu", **settings: Any) -> Method:
    """The same, where a run has several stages at the beginning of the last."""
    method = begun(name, precision, device, **settings)
    if name in STAGES:
        config = tiny(name, **settings)
        method.at(config.images or 0)
    return method


def train(
    folder: Path,
    name: str,
    total: int,
    *,
    until: int | None = None,
    precision: str = "fp32",
    spoil: Callable[[Method], object] | None = None,
    every: int = 2,
    ranges: Ranges = EVEN,
    device: str = "cpu",
    say: Callable[[str], object] = lambda _: None,
    adapt: Callable[[Method, Progress], bool] = lambda *_: False,
    **settings: Any,
) -> tuple[Method, Run]:
    """Train on noise; `until` pretends a stop there; `spoil(method)` breaks something; each `every` images are
    logged; `ranges` are the values of the noise."""
    config = tiny(name, images=total, **settings)
    method = begun(name, precision, device, images=total, **settings)
    run = Run(folder)
    if method.placement.processes.first:
        run.start(config)
    if spoil:
        spoil(method)
    fit(
        method,
        lambda _, start: batches(
            Noise(config.size, ranges),
            start,
            until or config.total or 0,
            config.batch,
            0,
            place(device).device,
            division=method.division,
        ),
        run,
        Intervals.of(config.total or 0, config.batch, LogConfig(every=every, samples=2 * every, checkpoint=every)),
        validation=(["one", "two"], noise(1000, 1001, size=config.size, ranges=ranges, device=device)),
        rows=2,
        keep=2,
        best=config.log.best,
        say=say,
        adapt=lambda progress: adapt(method, progress),
    )
    return method, run


def weights(method: Method) -> dict[str, Tensor]:
    """Every weight and buffer by network and name; not copies."""
    return {f"{n}.{k}": v for n, net in method.networks.items() for k, v in net.state_dict().items()}


def snapshot(method: Method) -> dict[str, Tensor]:
    """The same as copies, to compare with later ones."""
    return {name: value.clone() for name, value in weights(method).items()}


def changed(before: dict[str, Tensor], method: Method) -> set[str]:
    """Names of the networks with other parameters than in `before`."""
    parameters = {f"{n}.{k}" for n, net in method.networks.items() for k, _ in net.named_parameters()}
    now = weights(method)
    return {name.partition(".")[0] for name in parameters if not torch.equal(before[name], now[name])}
