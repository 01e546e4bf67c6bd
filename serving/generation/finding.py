"""What `i2i directions` finds: the ways through w, or through the latent, along which pictures change most.

Of a style net: principal components of w, as in GANSpace (Härkönen et al., 2020, arXiv 2004.02546). Of other nets, as
there, principal components of early features, those of the first map inside; the latent is regressed on each, which
gives the way through the latent that moves along it. A perceptron has no such map. There the pictures are regressed on
the latent, and the directions are those of the latent along which the regression changes pixels most (the right
singular vectors of Cov(x, z) / Var(z), which for a normal latent is the mean of the generator's Jacobian, by Stein's
lemma). Differences between classes count in none: each class is centred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...errors import RequestError
from ..inference.executors import FloatArray
from .components import Components
from .directions import MOST, Direction, Doubles
from .generator import Generator
from .picks import Pick, arrays_of, latents_of, style_of

SAMPLES = 4000
"""Pictures that are looked at, unless told otherwise."""
STEP = 64
"""Pictures at once."""
SIDE = 32
"""Pixels a side at most that pictures are made small to before they are compared."""

Progress = Callable[[int, int], None]
"""Called with (pictures looked at, all of them)."""


def find_directions(
    generator: Generator,
    count: int = 10,
    samples: int = SAMPLES,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Direction, ...]:
    """The `count` first directions, called 1, 2, … for people to rename. A step of 1 is one standard deviation.

    Raises RequestError for counts that make no sense.
    """
    if not 1 <= count <= MOST:
        raise RequestError(f"--count is {count}; it must lie between 1 and {MOST}.")
    if samples < 10 * count:
        raise RequestError(f"{count} directions need {10 * count} samples at least, and {samples} were asked for.")
    style = style_of(generator.card)
    port = latents_of(generator.card)[0] if style is None else style[0]
    sums, components = _Sums(), Components()
    for done, (moved, seen, classes) in enumerate(_looked_at(generator, samples, seed), start=1):
        sums.add(moved, seen, classes)
        if generator.early:
            components.add(seen, classes)
        if progress is not None:
            progress(min(done * STEP, samples), samples)
    if style is not None:
        vectors, shares = sums.components()
    elif generator.early:
        vectors, shares = sums.led_to(*components.found())
    else:
        vectors, shares = sums.regressed(port.prior)
    directions = []
    for number, (vector, share) in enumerate(zip(vectors[:count], shares, strict=False), start=1):
        sign = 1 if vector[np.abs(vector).argmax()] >= 0 else -1
        directions.append(Direction(str(number), port.name, tuple(map(float, sign * vector)), round(float(share), 5)))
    return tuple(directions)


def _looked_at(generator: Generator, samples: int, seed: int) -> Iterator[tuple[Doubles, Doubles, Doubles]]:
    """Of some pictures at a time: what can be moved (n, d), what is seen of them (n, p), their classes (n,)."""
    card = generator.card
    label = next((port.name for port in card.inputs if port.kind == "label"), None)
    for first in range(0, samples, STEP):
        picks = [Pick(seed, n) for n in range(first, min(first + STEP, samples))]
        rows = [arrays_of(card, pick) for pick in picks]
        classes = np.array([0 if label is None else int(row[label][0]) for row in rows], np.float64)
        if generator.is_style:
            seen = generator.w(picks).mean(axis=1).astype(np.float64)  # of all layers the same, as nothing is added
            yield seen, seen, classes
        else:
            latent = latents_of(card)[0].name
            moved = np.concatenate([row[latent].reshape(1, -1) for row in rows]).astype(np.float64)
            if generator.early:
                yield moved, generator.features(picks).reshape(len(picks), -1).astype(np.float64), classes
            else:
                yield moved, _small(generator.pictures(picks)), classes


def _small(samples: FloatArray) -> Doubles:
    """(N, C, H, W) -> (N, p): means of blocks, so that no side has more than SIDE of them."""
    if samples.ndim == 2:  # points
        return samples.astype(np.float64)
    by = -(-max(samples.shape[2:]) // SIDE)
    height, width = (side - side % by for side in samples.shape[2:])
    blocks = samples[:, :, :height, :width].reshape(*samples.shape[:2], height // by, by, width // by, by)
    small: Doubles = blocks.mean(axis=(3, 5), dtype=np.float64).reshape(len(samples), -1)
    return small


class _Sums:
    """Sums over all pictures, by class, from which covariances within classes follow."""

    def __init__(self) -> None:
        self._count: dict[float, int] = {}
        self._moved: dict[float, Doubles] = {}
        self._seen: dict[float, Doubles] = {}
        self._products: Doubles | None = None
        self._squares = 0.0

    def add(self, moved: Doubles, seen: Doubles, classes: Doubles) -> None:
        """Some more pictures."""
        self._products = moved.T @ seen + (0 if self._products is None else self._products)
        self._squares += float(np.square(seen).sum())
        for each in np.unique(classes):
            of = classes == each
            self._count[each] = self._count.get(each, 0) + int(of.sum())
            self._moved[each] = self._moved.get(each, np.zeros(moved.shape[1])) + moved[of].sum(axis=0)
            self._seen[each] = self._seen.get(each, np.zeros(seen.shape[1])) + seen[of].sum(axis=0)

    def components(self) -> tuple[Doubles, Doubles]:
        """Principal components of what was seen, each as long as its standard deviation, and shares of the variance."""
        variances, axes = np.linalg.eigh(self._covariance())
        variances, axes = variances[::-1].clip(0), axes.T[::-1]
        total = max(float(variances.sum()), 1e-30)
        return axes * np.sqrt(variances)[:, None], variances / total

    def regressed(self, prior: str) -> tuple[Doubles, Doubles]:
        """Directions of what can be moved, one standard deviation long, and shares of the variance that is seen."""
        variance = 1 / 3 if prior == "uniform" else 1.0
        _, effects, axes = np.linalg.svd(self._covariance().T / variance, full_matrices=False)
        return axes * np.sqrt(variance), effects**2 * variance / self._variance()

    def led_to(self, axes: Doubles, variances: Doubles) -> tuple[Doubles, Doubles]:
        """How far what can be moved lies, on average, where what is seen lies a standard deviation along each axis
        (k, p); and shares of the variance that is seen. Not more of them than there are numbers to move.
        """
        led = self._covariance() @ axes.T / np.sqrt(variances)
        return led.T[: len(led)], variances / self._variance()

    def _variance(self) -> float:
        """Of what is seen, within classes, over all its numbers."""
        between = sum(float(x @ x) / self._count[each] for each, x in self._seen.items())
        return max((self._squares - between) / sum(self._count.values()), 1e-30)

    def _covariance(self) -> Doubles:
        """(d, p), within classes."""
        assert self._products is not None
        between = sum(np.outer(x, self._seen[each]) / self._count[each] for each, x in self._moved.items())
        whole: Doubles = (self._products - between) / sum(self._count.values())
        return whole
