"""One run of the proof: a case through the real loop into a run directory."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from i2i.datasets import DATASETS
from i2i.datasets.synthetic.samples import SAMPLES as PAINTED
from i2i.errors import TrainingError
from i2i.hardware.device import place
from i2i.methods import METHODS, Method
from i2i.methods.config import LogConfig, TrainConfig
from i2i.settings import merge, resolve
from i2i.training.loader import batches, stack
from i2i.training.loop import Feed, Intervals, fit
from i2i.training.run_directory import Run

from .provoked import Case
from .toys import HELD_OUT, TOYS, ToyConfig, ToyGAN, batches_of

TOY_LINE, TOY_GRID, TRANSLATOR_LINE, TRANSLATOR_GRID = 5, 15, 1, 4
"""Steps from one line of the log, or one sample grid, to the next."""

TOY_STEPS, TRANSLATOR_STEPS = 1500, 160
TEACHING_STEPS = 60
"""Steps in which generators are taught what they begin with."""

FAINT = 0.02
"""Of the pattern in which an input is hidden, of pictures in [-1, 1]: two and a half grey levels."""

SAMPLES, SIZE = 160, 32
"""Sample pictures that are painted for a translator, and their side."""


def train(case: Case, folder: Path, data: Path, seed: int, more: Mapping[str, Any] | None = None) -> Run:
    """A run of `case` with these settings on top; sample pictures are painted into `data` once."""
    settings = merge(case.assignments(), more or {})
    make = _toy if case.bed == "toy" else _translator
    torch.manual_seed(seed)
    method, config, feed, validation = make(case, data, seed, settings)
    run, total = Run(folder), config.images or 0
    run.start(config)
    run.write_environment({"stages": [{"name": "training", "images": total}]})
    line, grid = (TOY_LINE, TOY_GRID) if case.bed == "toy" else (TRANSLATOR_LINE, TRANSLATOR_GRID)
    every, samples = line * config.batch, grid * config.batch
    log = LogConfig(every=every, samples=samples, checkpoint=total, checkpoint_minutes=1e6)
    with contextlib.suppress(TrainingError):  # a number that is none: the log says so
        fit(method, feed, run, Intervals.of(total, config.batch, log), validation=validation, rows=1, keep=1)
    return run


Made = tuple[Method, TrainConfig, Feed, tuple[list[str], Mapping[str, torch.Tensor]]]


def _toy(case: Case, _data: Path, seed: int, settings: Mapping[str, Any]) -> Made:
    usual = {
        "data": {"path": "toy", "augment": []},
        "batch": 64,
        "images": 64 * (case.steps or TOY_STEPS),
        "seed": seed,
    }
    usual |= {"optimizer": {"lr": 1e-3, "decay_from": 1.0}}
    config = resolve(ToyConfig, [merge(usual, settings)])
    method = ToyGAN.from_config(config, place("cpu", "fp32"))
    held_out = torch.from_numpy(np.ascontiguousarray(TOYS[config.toy](HELD_OUT, 2 * seed + 1)))
    validation = [str(n) for n in range(HELD_OUT)], {"image": held_out}
    return method, config, lambda _, start: batches_of(config, start, config.images or 0), validation


def _translator(case: Case, data: Path, seed: int, settings: Mapping[str, Any]) -> Made:
    name, sample = case.bed.split()
    folder = data / sample
    if not folder.exists():
        PAINTED[sample].write(folder, SAMPLES, SIZE, 0)
    kind = METHODS[name]
    batch = int(settings.get("batch", 1))
    usual = {
        "method": name,
        "seed": seed,
        "images": (case.steps or TRANSLATOR_STEPS) * batch,
        "optimizer": {"decay_from": 1.0},
    }
    usual |= {"data": {"path": str(folder), "augment": [], "holdout": 0.25}}
    config = resolve(kind.Config, [merge(usual, settings)])
    source = DATASETS[kind.data_kind](folder, holdout=config.data.holdout, seed=0)
    config = kind.complete_config(config, source.count)
    ready = source.read(
        size=config.size, seed=seed, augment=(), interpolation="bicubic", stretch=False, cache_mb=256,
        channels={}, swap=False, skip_broken=False, progress=lambda *_: None,
    )  # fmt: skip
    device = place("cpu", "fp32").device
    method = kind.from_config(config, place("cpu", "fp32"))
    names, samples = ready.validation
    validation = list(names), stack(samples, device)
    total = config.images or 0
    if case.start == "negative":
        _invert(method, ready.training, config)
    elif case.start == "hidden":
        _hide(method, ready.training)
    method.picture_figures = lambda _: {}  # type: ignore[method-assign]  # no best is kept here, and they take long
    return method, config, lambda _, n: batches(ready.training, n, total, config.batch, 0, device), validation


def _invert(method: Method, samples: Any, config: TrainConfig) -> None:
    """Both generators taught to swap light and dark, by plain losses: an unlucky start."""
    a2b, b2a = (method.networks[name] for name in method.exports.values())
    optimizer = torch.optim.Adam([*a2b.parameters(), *b2a.parameters()], 2e-3)
    for batch in batches(samples, 0, TEACHING_STEPS * config.batch, config.batch, 0, method.placement.device):
        optimizer.zero_grad()
        loss = (a2b(batch["a"]) + batch["a"]).abs().mean() + (b2a(batch["b"]) + batch["b"]).abs().mean()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def _hide(method: Method, samples: Any) -> None:
    """`compact` generators of which one paints FAINT of its input on one colour, and the other magnifies that."""
    a2b, b2a = (method.networks[name] for name in method.exports.values())
    colour = next(iter(batches(samples, 0, 16, 16, 0, method.placement.device)))["b"].mean((0, 2, 3))
    _linear(a2b, FAINT, colour)
    _linear(b2a, 1 / FAINT, -colour / FAINT)


def _linear(compact: nn.Module, factor: float, shift: torch.Tensor) -> None:
    """Give it the weights of factor * x + shift."""
    for layer in compact.modules():
        if isinstance(layer, nn.PReLU):
            layer.weight.fill_(1)
    *inner, last = (layer for layer in compact.modules() if isinstance(layer, nn.Conv2d))
    for layer in (*inner, last):
        layer.weight.zero_()
        assert layer.bias is not None
        layer.bias.zero_()
        for channel in range(len(shift)):
            layer.weight[channel, channel, 1, 1] = 1
    last.weight.mul_(factor - 1)  # the input is added
    last.bias.copy_(shift)
