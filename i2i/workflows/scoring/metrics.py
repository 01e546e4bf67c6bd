"""Which metrics `i2i evaluate` takes: those named, else the usual ones, as far as networks have their weights."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

from ...card import Card
from ...errors import I2IError, RequestError, require
from ...evaluation.features import FEATURES, Files
from ...evaluation.metrics import METRICS, Metric, PairMetric, SetMetric
from ..progress import Say, silent


def metrics_for(
    named: Sequence[str] | None,
    usual: Sequence[str],
    card: Card,
    files: Files = (),
    say: Say = silent,
) -> dict[str, Metric]:
    """Rows of METRICS ready to measure with: `named`, or `usual` as far as this model and this machine have them.

    `files` are weights of the network that a metric needs. `say` gets a line when one is left out, with how to have it.
    Raises RequestError, or UnknownNameError, when a named one cannot be had.
    """
    check_names(named)
    coloured = card.output_channels in (1, 3)
    found: dict[str, Metric] = {}
    for name in named or usual:
        metric = METRICS[name]
        if not coloured and (metric.luma or metric.features):
            if named:
                raise RequestError(f"{name} is for grey and RGB; this model gives {card.output_channels} bands.")
            continue
        try:
            found[name] = _with_network(metric, files)
        except (I2IError, ModuleNotFoundError) as error:
            if named or not metric.features or FEATURES[metric.features].asked_for(files):
                raise
            say(f"Without {name}: {error}")
    return found


def check_names(named: Sequence[str] | None) -> None:
    """Raises RequestError when no metric is named, UnknownNameError when one does not exist."""
    if named is not None and not named:
        raise RequestError(f"No metric is named. Known: {', '.join(METRICS)}.")
    for name in named or ():
        require("metric", name, METRICS)


def need_no_truth(named: Sequence[str] | None) -> bool:
    """Whether all named metrics are of sets, so that outputs and real pictures need not show the same scenes."""
    return named is not None and all(isinstance(METRICS.get(name), SetMetric) for name in named)


def smallest_side(metrics: dict[str, Metric]) -> tuple[int, str]:
    """Pixels a side that a picture needs, and the metric that needs them."""
    needs = [(FEATURES[row.features].smallest, name) for name, row in metrics.items() if row.features]
    return max(needs, default=(1, ""))


def _with_network(metric: Metric, files: Files) -> Metric:
    """The row with its network, where it needs one; raises what loading does."""
    if metric.features is None or not isinstance(metric, PairMetric):
        return metric
    network, unlike = FEATURES[metric.features].load(files)
    measure = functools.partial(metric.measure, network)
    return dataclasses.replace(metric, measure=measure, definition=unlike + metric.definition)
