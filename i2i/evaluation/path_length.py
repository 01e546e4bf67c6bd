"""How evenly pictures change on the path from one latent to another: perceptual path length, where LPIPS tells it.

Karras et al., CVPR 2019, section 4.1: E[d(G(t), G(t + epsilon)) / epsilon²], where d grows with the square of a small
change: LPIPS, squared distances of features, or mean squared differences of pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..images.image import Doubles, Floats
from .embedding.rows import Embedding
from .sets.estimate import Estimate, skewed

if TYPE_CHECKING:
    from .lpips import Lpips

EPSILON = 1e-4
"""Of the interpolation path from one end to the other."""
TRIMMED = 0.01
"""Share of the shortest and of the longest steps that are left out, as the authors do; whole ones, so of 100 none."""
LEAST = 50
"""Steps below which there is no figure."""


def path_length(distances: Doubles, epsilon: float = EPSILON) -> Estimate:
    """Of steps' distances (n,): the mean over epsilon² of those between the quantiles, with its 95 % interval.

    A trimmed mean has the error of the winsorised values (Tukey and McLaughlin, 1963).
    """
    low = np.quantile(distances, TRIMMED, method="lower")
    high = np.quantile(distances, 1 - TRIMMED, method="higher")
    kept, winsorised = distances[(distances >= low) & (distances <= high)], distances.clip(low, high)
    parts = (winsorised - winsorised.mean()) * (len(distances) / len(kept))
    return skewed(float(kept.mean()) / epsilon**2, [parts / epsilon**2])


class PixelDistance:
    """Mean squared difference over pixels and channels, of pictures in [0, 1]."""

    name, words = "pixels", "mean squared differences of pixels in [0, 1]"

    def __call__(self, a: Floats, b: Floats) -> float:
        """Of two pictures (H, W, C)."""
        return float(np.mean((a.astype(np.float64) - b) ** 2))


class LpipsDistance:
    """LPIPS, which is made of squares."""

    name = "lpips"

    def __init__(self, network: Lpips) -> None:
        self.network, self.words = network, f"{network.name} on SqueezeNet"

    def __call__(self, a: Floats, b: Floats) -> float:
        """Of two pictures (H, W, 1 or 3)."""
        return self.network.pictures(a, b)


class FeatureDistance:
    """Squared Euclidean distance of features, over their number."""

    def __init__(self, embedding: Embedding) -> None:
        self.embedding, self.name = embedding, embedding.name
        self.words = f"mean squared differences of {embedding.words}"

    def __call__(self, a: Floats, b: Floats) -> float:
        """Of two pictures (H, W, 1 or 3)."""
        one, two = (self.embedding.features([self.embedding(picture)]) for picture in (a, b))
        return float(np.mean((one - two) ** 2))


Distance = PixelDistance | LpipsDistance | FeatureDistance
