"""Perceptual path length of a generator: pairs of pictures next to each other on the way between two latents."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ...errors import I2IError
from ...evaluation.embedding.rows import open_embedding
from ...evaluation.features import FEATURES, Files
from ...evaluation.lpips import Lpips
from ...evaluation.metrics import SetMetric
from ...evaluation.path_length import (
    EPSILON,
    Distance,
    FeatureDistance,
    LpipsDistance,
    PixelDistance,
    path_length,
)
from ...evaluation.sets.estimate import Estimate
from ...images.image import Floats
from ...seeding import Purpose, generator
from ...serving.generation.generator import Generator
from ...serving.generation.picks import Pick
from ..progress import Say

MOST = 1000
"""Steps that are looked at."""
STEP = 32
"""Of them at a time."""
FAR = 2**31
"""Added to a picture's number for the other end of its way; a class that goes round stays the same."""


def smoothness(
    made: Generator,
    count: int,
    seed: int,
    truncation: float | None,
    features: str | None,
    files: Files,
    bar: Callable[[int, int], object],
    say: Say,
) -> dict[str, SetMetric]:
    """The row `path_length_…`, named after what distances are measured on; computed when it is asked for.

    Raises what a named network's weights deserve.
    """
    distance = distance_of(features, files, min(made.size[1:]), say)
    known: list[Estimate] = []

    def found() -> Estimate:
        if not known:
            known.append(path_length(_distances(made, distance, min(count, MOST), seed, truncation, bar)))
        return known[0]

    where = "w" if made.is_style else "the latent, on the sphere where it is normal"
    row = SetMetric(
        definition=f"perceptual path length (Karras et al. 2019) by {distance.words}: steps of {EPSILON:g} of the way "
        f"through {where}, over {EPSILON:g}², without the shortest and longest 1 %",
        update=lambda seen, _: seen,  # it is of the generator, not of the pictures that are scored
        compute=lambda *_: found().value,
        interval=lambda *_: (found().low, found().high),
        least=0,
    )
    return {f"path_length_{distance.name}": row}


def distance_of(features: str | None, files: Files, side: int, say: Say) -> Distance:
    """LPIPS where its files are at hand and pictures large enough, else the features that are named, else pixels."""
    lpips = FEATURES["lpips"]
    if side >= lpips.smallest:
        try:
            network, _ = lpips.load(files)
        except (I2IError, ModuleNotFoundError) as error:
            if lpips.asked_for(files):
                raise
            instead = "pixels" if features in (None, "pixels") else features
            say(f"The path length is measured on {instead}, not by LPIPS: {error}")
        else:
            assert isinstance(network, Lpips)
            return LpipsDistance(network)
    if features in (None, "pixels"):
        return PixelDistance()
    return FeatureDistance(open_embedding(features))


def _distances(
    made: Generator,
    distance: Distance,
    count: int,
    seed: int,
    truncation: float | None,
    bar: Callable[[int, int], object],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(count,): of pairs of pictures EPSILON apart, each on a way of its own at a place of its own."""
    label = next((port for port in made.card.inputs if port.kind == "label"), None)
    far = FAR if label is None else FAR - FAR % len(label.choices)
    found: list[float] = []
    for first in range(0, count, STEP):
        picks = []
        for number in range(first, min(first + STEP, count)):
            at = float(generator(seed, Purpose.GENERATE, number, FAR).uniform(0, 1 - EPSILON))
            begin, end = (Pick(seed, n, truncation=truncation) for n in (number, number + far))
            picks += [dataclasses.replace(begin, to=end, at=place) for place in (at, at + EPSILON)]
        pictures = [_shown(sample) for sample in made.pictures(picks)]
        found += [distance(a, b) for a, b in zip(pictures[::2], pictures[1::2], strict=True)]
        bar(len(found), count)
    return np.array(found)


def _shown(sample: Floats) -> Floats:
    """(C, H, W) as (H, W, 1 or 3), not rounded; multiplied by alpha on white."""
    pixels: Floats = np.ascontiguousarray(sample.transpose(1, 2, 0))
    return pixels if pixels.shape[2] != 4 else np.ascontiguousarray(pixels[..., :3] + (1 - pixels[..., 3:]))
