"""Metrics of features made metrics of pictures: named after the embedding that they are measured on."""

from __future__ import annotations

import math
from typing import Any

from ...errors import RequestError
from ...images.image import Doubles, Floats
from ..metrics import FeatureMetric, SetMetric
from .rows import EMBEDDINGS, Embedding


def bind(name: str, row: FeatureMetric, embedding: Embedding) -> tuple[str, SetMetric]:
    """The metric on this embedding, under a name that says so: `frechet_squeezenet`.

    `fid`, `kid` and `is` keep theirs, and are had on the published weights of Inception alone: RequestError otherwise.
    """
    if row.only and not (embedding.name == row.only and embedding.genuine):
        instead = next((other for other, alias in ALIASES.items() if name in alias), name)
        raise RequestError(
            f"{name} is the figure of Inception's published weights (SHA-256 {EMBEDDINGS[row.only].sha256[:8]}...). "
            f"On {embedding.words} it is called {instead}: --metrics {instead}."
        )
    figure = row.figure
    if figure.logits and not embedding.classes:
        raise RequestError(f"{name} is a score of classes, and the weights of {embedding.name} at hand know none.")
    pick = embedding.logits if figure.logits else embedding.features

    def update(seen: list[Doubles], picture: Floats) -> list[Doubles]:
        seen.append(embedding(picture))
        return seen

    def compute(generated: Any, real: Any) -> float:
        return figure.compute(pick(generated), pick(real))

    def interval(generated: Any, real: Any) -> tuple[float, float]:
        found = figure.estimate(pick(generated), pick(real))
        return found.low, found.high

    return name if row.only else f"{name}_{embedding.name}", SetMetric(
        definition=row.definition.format(on=f" on {embedding.words}"),
        higher_is_better=row.higher_is_better,
        update=update,
        compute=compute,
        interval=interval,
        least=max(figure.least, math.ceil(figure.over * embedding.row.length)),
    )


ALIASES = {
    "frechet": ("fid",),
    "frechet_unbiased": ("fid_unbiased",),
    "kernel": ("kid",),
    "classes": ("is",),
    "classes_unbiased": ("is_unbiased",),
}
"""What a figure is called on any embedding, and on Inception's published weights."""
