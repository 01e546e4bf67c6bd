"""Which metrics `i2i evaluate` takes: those named, else the usual ones, as far as networks have their weights."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

from ...card import Card
from ...errors import DataError, I2IError, RequestError, require
from ...evaluation.embedding.bind import bind
from ...evaluation.embedding.cache import DiskCache
from ...evaluation.embedding.rows import EMBEDDINGS, Embedding, open_embedding
from ...evaluation.evaluate import too_few
from ...evaluation.features import FEATURES, Files
from ...evaluation.metrics import METRICS, FeatureMetric, Metric, NoiseMetric, PairMetric, SeenMetric, SetMetric
from ..progress import Say, silent

ALL = "all"
"""Named in place of metrics: all that this model, these pictures and this machine have."""


def metrics_for(
    named: Sequence[str] | None,
    usual: Sequence[str],
    card: Card,
    files: Files = (),
    say: Say = silent,
    features: str | None = None,
) -> dict[str, Metric]:
    """Rows of METRICS ready to measure with: `named`, or `usual` as far as this model and this machine have them.

    `files` are weights of the network that a metric needs; `features` names what pictures become for metrics of sets: a
    key of EMBEDDINGS or a file of weights. `say` gets a line when one is left out, with how to have it.
    Raises RequestError, or UnknownNameError, when a named one cannot be had.
    """
    if of_noise := [name for name in named or () if isinstance(METRICS.get(name), SeenMetric | NoiseMetric)]:
        raise RequestError(
            f"{of_noise[0]} is of models that make pictures from noise, and {card.name} translates pictures."
        )
    return ready(named, usual, card.output_channels, files, say, features)


def ready(
    named: Sequence[str] | None,
    usual: Sequence[str],
    channels: int,
    files: Files = (),
    say: Say = silent,
    features: str | None = None,
) -> dict[str, Metric]:
    """The same for pictures of so many channels, whatever made them."""
    check_names(named)
    coloured = channels in (1, 3)
    found: dict[str, Metric] = {}
    without: dict[str, list[str]] = {}
    embeddings = _Embeddings(features, say)
    for name in named or usual:
        metric = METRICS[name]
        if isinstance(metric, SeenMetric | NoiseMetric):
            raise RequestError(
                f"{name} is of models that make pictures from noise: name the run or the ONNX file itself."
            )
        if not coloured and (metric.luma or metric.features or isinstance(metric, FeatureMetric)):
            if named:
                raise RequestError(f"{name} is for grey and RGB; these pictures have {channels} bands.")
            continue
        if isinstance(metric, FeatureMetric):
            try:
                embedding = embeddings.of(metric, asked=named is not None)
                if named is None and metric.figure.logits and embedding.row.mark is None:
                    continue  # pixels know no classes, and nobody asked for any
                bound, row = bind(name, metric, embedding)
                found[bound] = row
            except RequestError as error:
                if named:
                    raise
                without.setdefault(str(error), []).append(name)
            continue
        try:
            found[name] = _with_network(metric, files)
        except (I2IError, ModuleNotFoundError) as error:
            if named or not metric.features or FEATURES[metric.features].asked_for(files):
                raise
            without.setdefault(str(error), []).append(name)
    for reason, names in without.items():
        say(f"Without {', '.join(names)}: {reason}")
    return found


class _Embeddings:
    """What features there are to measure on, each opened once."""

    def __init__(self, features: str | None, say: Say) -> None:
        self.wanted, self.say = features, say
        self.opened: dict[str | None, Embedding] = {}

    def of(self, metric: FeatureMetric, asked: bool) -> Embedding:
        """The embedding that the metric is named after, else the wanted one; raises what opening it does.

        What nobody `asked` for, neither the metric nor the embedding, is not downloaded: RequestError.
        """
        wanted = self.wanted
        if metric.only and (wanted is None or wanted in EMBEDDINGS):
            wanted = metric.only
        if wanted not in self.opened and not asked and wanted != self.wanted:
            try:
                self.opened[wanted] = open_embedding(wanted, local_only=True, cache=DiskCache)
            except I2IError as error:
                raise RequestError(str(error)) from error
        if wanted not in self.opened:
            self.opened[wanted] = open_embedding(wanted, cache=DiskCache)
            if wanted is None:
                words = self.opened[wanted].words
                self.say(f"Features: {words}. Others with --features {' | '.join(EMBEDDINGS)} | FILE.")
        return self.opened[wanted]


def check_names(named: Sequence[str] | None) -> None:
    """Raises RequestError when no metric is named, UnknownNameError when one does not exist."""
    if named is not None and not named:
        raise RequestError(f"No metric is named. Known: {', '.join(METRICS)}.")
    for name in named or ():
        if name != ALL:
            require("metric", name, METRICS)


def all_named(named: Sequence[str] | None) -> bool:
    """Whether ALL is among the names."""
    return ALL in (named or ())


def possible(*against: str, others: tuple[type[Metric], ...] = ()) -> tuple[str, ...]:
    """The metrics of sets, and those of pairs that compare an output with one of `against`, and `others`."""
    kinds = (SetMetric, FeatureMetric, *others)
    return tuple(
        name
        for name, row in METRICS.items()
        if (row.against in against if isinstance(row, PairMetric) else isinstance(row, kinds))
    )


def need_no_truth(named: Sequence[str] | None) -> bool:
    """Whether no named metric compares with a truth, so that outputs and real pictures need not show one scene."""

    def needs(row: Metric | None) -> bool:
        return row is None or (isinstance(row, PairMetric) and row.against == "truth")

    return named is not None and not any(needs(METRICS.get(name)) for name in named)


def enough(metrics: dict[str, Metric], generated: int, real: int) -> tuple[dict[str, Metric], dict[str, str]]:
    """The metrics that have a figure for so many pictures, and why another has none; DataError when none is left."""
    why = {name: reason for name, row in metrics.items() if (reason := too_few(name, row, generated, real))}
    kept = {name: row for name, row in metrics.items() if name not in why}
    if not kept:
        raise DataError(" ".join(why.values()))
    return kept, why


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
