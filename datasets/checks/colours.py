"""How far the colours of two domains lie apart, by the spread within them: what a translator has to learn at least."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...images.image import luma, to_float, with_channels
from ..streams.loading import Array

NOTABLE = 0.3
"""Standard deviations by which the domains' means must differ before it is said."""
MOST_LOOKED_AT = 128
"""Rows and columns of a picture that are looked at, spread evenly over it."""

WORDS = {
    "brightness": ("brighter", "darker"),
    "contrast": ("richer in contrast", "poorer in contrast"),
    "saturation": ("more colourful", "less colourful"),
    "warmth": ("redder", "bluer"),
    "greenness": ("greener", "less green"),
}
"""What is measured, and what side B is when it has more or less of it."""


@dataclasses.dataclass(frozen=True)
class Tint:
    """Figures of one picture, in steps of 255."""

    brightness: float
    """Mean luma."""
    contrast: float
    """Standard deviation of luma."""
    saturation: float
    """Mean of the largest less the smallest channel."""
    warmth: float
    """Mean of red less blue."""
    greenness: float
    """Mean of green less the mean of red and blue."""


def tint(pixels: Array) -> Tint | None:
    """The figures of an (H, W, C) picture; None where it has other channels than grey or RGB."""
    if pixels.shape[2] not in (1, 3):
        return None
    step = max(1, max(pixels.shape[:2]) // MOST_LOOKED_AT)
    rgb = 255 * with_channels(to_float(pixels[::step, ::step]), 3)
    grey = luma(rgb)
    red, green, blue = (float(channel.mean()) for channel in np.moveaxis(rgb, 2, 0))
    return Tint(
        brightness=float(grey.mean()),
        contrast=float(grey.std()),
        saturation=float((rgb.max(2) - rgb.min(2)).mean()),
        warmth=red - blue,
        greenness=green - (red + blue) / 2,
    )


def compare(a: Sequence[Tint], b: Sequence[Tint], a_name: str, b_name: str) -> str:
    """How b's pictures differ from a's, in one sentence; a difference counts by the spread among the pictures."""
    if min(len(a), len(b)) < 2:
        return "Too few pictures to compare the colours of the two domains."
    found = []
    for name, (more, less) in WORDS.items():
        of_a, of_b = (np.array([getattr(one, name) for one in some]) for some in (a, b))
        apart = float(of_b.mean() - of_a.mean())
        spread = float(np.sqrt((of_a.var() + of_b.var()) / 2))
        if abs(apart) >= max(NOTABLE * spread, 0.5):
            found.append(f"{more if apart > 0 else less} by {abs(apart):.0f}")
    if not found:
        *most, last = WORDS
        return (
            f"{a_name!r} and {b_name!r} hardly differ in {', '.join(most)} or {last}; what there is to learn must lie "
            f"in shapes and texture."
        )
    return f"Colours: {b_name!r} is {', '.join(found)} than {a_name!r} (means, in steps of 255)."
