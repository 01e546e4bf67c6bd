"""Which metrics `i2i evaluate` takes: those that were named, else the usual ones, LPIPS where its weights are there."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..card import Card
from ..errors import I2IError, RequestError, UnknownNameError
from ..evaluation.metrics import METRICS, Floats, Measure, Metric

if TYPE_CHECKING:
    from ..evaluation.lpips import Lpips

WEIGHTS, HEADS = "I2I_SQUEEZENET", "I2I_LPIPS"
"""Environment variables that name the two files of LPIPS."""


def metrics_for(
    named: Sequence[str] | None,
    usual: Sequence[str],
    card: Card,
    lpips_files: tuple[Path | None, Path | None] = (None, None),
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Metric]:
    """Rows of METRICS ready to measure with: `named`, or `usual` as far as this model and this machine have them.

    `lpips_files` are the weights and the heads. `say` gets a line when LPIPS is left out, with how to have it. Raises
    RequestError, or UnknownNameError, when a named one cannot be had.
    """
    if named is not None and not named:
        raise RequestError(f"No metric is named. Known: {', '.join(METRICS)}.")
    for name in named or ():
        if name not in METRICS:
            raise UnknownNameError("metric", name, METRICS)
    coloured = card.output_channels in (1, 3)
    found: dict[str, Metric] = {}
    for name in named or usual:
        metric = METRICS[name]
        if not coloured and (metric.luma or metric.measure is None):
            if named:
                raise RequestError(f"{name} is for grey and RGB; this model gives {card.output_channels} bands.")
            continue
        if metric.measure is None:
            try:
                metric = _lpips(metric, lpips_files)
            except (I2IError, ModuleNotFoundError) as error:
                if named or any(lpips_files) or WEIGHTS in os.environ or HEADS in os.environ:
                    raise
                say(f"Without lpips: {error}")
                continue
        found[name] = metric
    return found


def _lpips(metric: Metric, files: tuple[Path | None, Path | None]) -> Metric:
    """The row with its measure; raises what `load_lpips` does."""
    from ..evaluation.lpips import load_lpips

    network = load_lpips(*files)
    unlike = "" if network.name == "LPIPS" else "like LPIPS, but on SqueezeNet's weights of another release: "
    return dataclasses.replace(metric, measure=_distance(network), definition=unlike + metric.definition)


def _distance(network: Lpips) -> Measure:
    """LPIPS as a function of two pictures (H, W, 1 or 3) in [0, 1]."""
    import torch

    def tensor(picture: Floats) -> torch.Tensor:
        rgb = np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture
        return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None] * 2 - 1

    def measure(output: Floats, truth: Floats) -> float:
        with torch.inference_mode():
            return float(network.distance(tensor(output), tensor(truth)))

    return measure
