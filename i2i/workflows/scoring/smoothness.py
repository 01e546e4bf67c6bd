"""Path length of a generator: pairs of pictures at neighbouring positions of paths between two latents."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ...errors import I2IError, RequestError
from ...evaluation.embedding.rows import open_embedding
from ...evaluation.features import FEATURES, Files
from ...evaluation.lpips import Lpips
from ...evaluation.metrics import SetMetric
from ...evaluation.path_length import (
    EPSILON,
    LEAST,
    Distance,
    FeatureDistance,
    LpipsDistance,
    PixelDistance,
    path_length,
)
from ...evaluation.sets.estimate import Estimate
from ...images.alpha import multiplied_on_white
from ...images.image import Floats
from ...seeding import Purpose, generator
from ...serving.generation.folder import classes_of
from ...serving.generation.generator import Generator
from ...serving.generation.picks import Pick
from ..progress import Say

MOST = 1000
"""Steps that are looked at."""
STEP = 32
"""Of them at a time."""
ROUNDED = "inception"
"""Features that are no distance of steps this short: what rounding makes of them would be measured."""
FAR = 2**31
"""Added to a picture's number for the other end of its path; a class that goes round stays the same."""


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
        definition=f"{'perceptual ' * (distance.name == 'lpips')}path length (Karras et al. 2019) by {distance.words}: "
        f"steps of {EPSILON:g} of interpolation paths through {where}, over {EPSILON:g}², without the shortest and "
        "longest 1 %",
        update=_counted,
        compute=lambda *_: found().value,
        interval=lambda *_: (found().low, found().high),
        least=LEAST,
        alone=True,
    )
    return {f"path_length_{distance.name}": row}


def distance_of(features: str | None, files: Files, side: int, say: Say) -> Distance:
    """LPIPS where its files are named, else the features that are, else LPIPS where it is at hand, else pixels.

    Raises RequestError where files of LPIPS are named and the pictures are too small for it.
    """
    lpips = FEATURES["lpips"]
    if any(files) and side < lpips.smallest:
        raise RequestError(
            f"LPIPS needs {lpips.smallest} pixels a side, and these pictures have {side}. Leave --lpips-weights and "
            "--lpips-heads out: the path length is measured on --features then, or on pixels."
        )
    if (features is None and side >= lpips.smallest) or any(files):
        try:
            network, _ = lpips.load(files)
        except (I2IError, ModuleNotFoundError) as error:
            if lpips.asked_for(files):
                raise
            say(f"The path length is measured on pixels, not by LPIPS: {error}")
        else:
            assert isinstance(network, Lpips)
            return LpipsDistance(network)
    if features in (None, "pixels"):
        return PixelDistance()
    if features != ROUNDED and (embedding := open_embedding(features)).name != ROUNDED:
        return FeatureDistance(embedding)
    say("The path length is measured on pixels: Inception rounds pictures to 8 bits, and steps are shorter.")
    return PixelDistance()


def _counted(seen: list[None], _: Floats) -> list[None]:
    """One picture more: the figure is of the generator, and of the pictures that are scored it is known how many."""
    seen.append(None)
    return seen


def _distances(
    made: Generator,
    distance: Distance,
    count: int,
    seed: int,
    truncation: float | None,
    bar: Callable[[int, int], object],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(count,): of pairs of pictures EPSILON apart, each on a path of its own at a random position t."""
    label = classes_of(made)
    far = FAR if label is None else FAR - FAR % len(label.choices)
    found: list[float] = []
    for first in range(0, count, STEP):
        picks = []
        for number in range(first, min(first + STEP, count)):
            at = float(generator(seed, Purpose.GENERATE, number, FAR).uniform(0, 1 - EPSILON))
            begin, end = (Pick(seed, n, truncation=truncation) for n in (number, number + far))
            picks += [dataclasses.replace(begin, to=end, at=t) for t in (at, at + EPSILON)]
        samples = [sample.transpose(1, 2, 0) for sample in made.pictures(picks)]
        pictures = [np.ascontiguousarray(multiplied_on_white(sample)) for sample in samples]  # not rounded
        found += [distance(a, b) for a, b in zip(pictures[::2], pictures[1::2], strict=True)]
        bar(len(found), count)
    return np.array(found)
