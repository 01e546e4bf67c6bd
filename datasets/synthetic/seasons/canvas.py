"""The sheet that a landscape is painted on in one season: layers from far to near, noise, haze and light.

Colours are RGB in [0, 1]. Masks are (h, w) in [0, 1]: how much of a pixel a layer covers.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..facades.canvas import tint
from .plan import Floats, Scene

RGB = tuple[float, float, float]


class Both(NamedTuple):
    """A colour in either season."""

    summer: RGB
    winter: RGB


SNOW = (0.93, 0.945, 0.975)
SHADED_SNOW = (0.68, 0.75, 0.88)

GRITTY = {"grain": 0.6, "strokes": 0.3, "clumps": 0.15}
"""How much of the finest noise lies on coarser ones."""

FINENESS = 2
"""Canvas pixels along a side for each pixel of the finished picture."""


class Canvas:
    """The picture (FINENESS * size, FINENESS * size, 3) as it grows, and the scene and season that it shows."""

    def __init__(self, scene: Scene, winter: bool, size: int) -> None:
        self.scene, self.winter = scene, winter
        self.fine = size * FINENESS
        self.photo: Floats = np.zeros((self.fine, self.fine, 3), np.float32)
        places = ((np.arange(self.fine) + 0.5) / self.fine).astype(np.float32)
        self.x: Floats = places[None, :]
        self.y: Floats = places[:, None]
        self.pixel = 1 / self.fine
        self._noise: dict[str, Floats] = {}

    def noise(self, name: str) -> Floats:
        """A field of the scene's noise over the whole canvas, (fine, fine), about 0.5 and most often in [0, 1].

        Grit lies on grain, strokes and clumps, so that their knots do not show in large pictures.
        """
        if name not in self._noise:
            lattice = self.scene.noise[name]
            down, across = (_weights(self.fine, knots) for knots in lattice.shape)
            self._noise[name] = down @ lattice @ across.T
            if name in GRITTY:
                self._noise[name] += GRITTY[name] * (self.noise("grit") - 0.5)
        return self._noise[name]

    def colour(self, both: Both) -> Floats:
        """The season's one of the two, (3,)."""
        return tint(both.winter if self.winter else both.summer)

    def span(self, x0: float, y0: float, x1: float, y1: float) -> tuple[slice, slice]:
        """Rows and columns of a box, cut at the edges of the canvas."""
        places = (
            min(max(int(np.floor(y0 * self.fine)), 0), self.fine),
            min(max(int(np.ceil(y1 * self.fine)), 0), self.fine),
            min(max(int(np.floor(x0 * self.fine)), 0), self.fine),
            min(max(int(np.ceil(x1 * self.fine)), 0), self.fine),
        )
        return slice(places[0], places[1]), slice(places[2], places[3])

    def edge(self, inside: Floats) -> Floats:
        """A mask from a signed depth in shares of the side: 1 where deeper than half a pixel."""
        mask: Floats = np.clip(inside / self.pixel + 0.5, 0, 1)
        return mask

    def lay(self, mask: Floats, colour: Floats, part: tuple[slice, slice] = (slice(None), slice(None))) -> None:
        """Paint a colour, (3,) or (h, w, 3), over a part of the picture as far as the mask says."""
        view = self.photo[part]
        view += mask[..., None] * (colour - view)

    def haze(self) -> Floats:
        """What distance fades to: the sky just above the horizon, (3,)."""
        return self.colour(HAZE)

    def faded(self, colour: Floats, distance: float) -> Floats:
        """A colour seen through so much air."""
        seen: Floats = colour + np.float32(distance) * (self.haze() - colour)
        return seen

    def finished(self, grain: np.random.Generator) -> npt.NDArray[np.uint8]:
        """(size, size, 3) uint8, in the light of the hour, with a little grain."""
        size = self.fine // FINENESS
        photo = self.photo.reshape(size, FINENESS, size, FINENESS, 3).mean((1, 3))
        evening = np.array((0.08, -0.01, -0.14), np.float32) * np.float32(
            self.scene.warmth * (0.4 if self.winter else 1)
        )
        photo *= 1 + evening
        photo += grain.normal(0, 0.008, (size, size, 1)).astype(np.float32)
        picture: npt.NDArray[np.uint8] = (np.clip(photo, 0, 1) * 255 + 0.5).astype(np.uint8)
        return picture


HAZE = Both((0.74, 0.85, 0.95), (0.84, 0.88, 0.94))


def mix(one: Floats, other: Floats, share: npt.NDArray[Any]) -> Floats:
    """From one colour (share 0) to the other (share 1); `share` is (h, w), the colours (3,) or (h, w, 3)."""
    mixed: Floats = one + (other - one) * np.clip(share, 0, 1).astype(np.float32)[..., None]
    return mixed


@functools.lru_cache(maxsize=32)
def _weights(pixels: int, knots: int) -> Floats:
    """(pixels, knots): each pixel's smooth share of its two nearest knots."""
    place = (np.arange(pixels) + 0.5) / pixels * (knots - 1)
    left = np.minimum(place.astype(int), knots - 2)
    share = place - left
    share = share * share * (3 - 2 * share)
    weights = np.zeros((pixels, knots), np.float32)
    weights[np.arange(pixels), left] = 1 - share
    weights[np.arange(pixels), left + 1] = share
    return weights
