"""How like a picture is to the training picture that it is likest to, whichever crop of it, mirrored or recoloured.

A picture is seen by its edges alone, at SIDE pixels: the size of the gradient over all channels, which neither a mirror
nor other colours change much. It is laid over every training picture at every place and at several sizes, as a template
(normalised cross-correlation; Lewis, 1995): 1 for a copy, about 0.3 to 0.7 for other pictures of a kind. No network and
no weights are needed.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ...images.image import Array, Floats, to_float, to_pil, to_uint8

SIDE = 24
"""Pixels a side that a picture is searched for at."""
SHARES = tuple(0.5 ** (step / 8) for step in range(9))
"""Share of a side of the training picture that a crop may have."""
AT_ONCE = 64
"""Pictures that are searched for, and in, together."""
THUMBNAIL = 192


def edges(picture: Array, side: int) -> Tensor:
    """(H, W, C) in [0, 1] -> (side, side): root of the gradient's size over all channels; squeezed to a square."""
    x = torch.from_numpy(np.ascontiguousarray(to_float(picture).transpose(2, 0, 1)))[None]
    x = F.interpolate(x, (side + 2, side + 2), mode="bicubic", antialias=True, align_corners=False)[0]
    across, down = x[:, 1:-1, 2:] - x[:, 1:-1, :-2], x[:, 2:, 1:-1] - x[:, :-2, 1:-1]
    return (across.square() + down.square()).sum(0).clamp(min=1e-12).pow(0.25)


@dataclasses.dataclass(frozen=True)
class Seen:
    """What is kept of a picture that is searched for."""

    ways: Tensor
    """(2, SIDE, SIDE): its edges, as it is and mirrored."""
    thumbnail: Array
    """For the sheet, uint8."""

    @classmethod
    def of(cls, picture: Floats) -> Seen:
        """From (H, W, C) in [0, 1]."""
        plain = edges(picture, SIDE)
        return cls(torch.stack([plain, plain.flip(1)]), thumbnail(picture))


def thumbnail(picture: Array) -> Array:
    """Small, uint8: every k-th pixel, so that its sides are about THUMBNAIL."""
    step = max(1, min(picture.shape[:2]) // THUMBNAIL)
    return to_uint8(picture[::step, ::step])


def _compressed(pixels: Array) -> bytes:
    file = io.BytesIO()
    to_pil(pixels if pixels.shape[2] in (1, 3) else pixels[..., :1]).save(file, "JPEG", quality=90)
    return file.getvalue()


class Originals:
    """Training pictures to be found again."""

    def __init__(self, pictures: Iterable[tuple[str, Array]]) -> None:
        """From names and pictures (H, W, C)."""
        self.names: list[str] = []
        self._small: list[bytes] = []  # JPEG, for there may be a hundred thousand of them
        sizes: dict[int, list[Tensor]] = {round(SIDE / share): [] for share in SHARES}
        for name, picture in pictures:
            self.names.append(name)
            self._small.append(_compressed(thumbnail(picture)))
            for side, maps in sizes.items():
                maps.append(edges(picture, side))
        self.maps = [torch.stack(maps)[:, None] for maps in sizes.values()] if self.names else []
        ones = torch.ones(1, 1, SIDE, SIDE)
        self.spread = [
            (F.conv2d(maps.square(), ones) - F.conv2d(maps, ones).square() / SIDE**2).clamp(min=1e-4).sqrt()
            for maps in self.maps
        ]

    def thumbnail(self, number: int) -> Array:
        """Of the picture of that number, uint8."""
        with Image.open(io.BytesIO(self._small[number])) as picture:
            pixels = np.asarray(picture)
        return pixels[..., None] if pixels.ndim == 2 else pixels

    def likest(self, seen: Sequence[Seen]) -> list[tuple[float, int]]:
        """For each picture the similarity of the likest training picture, at most 1, and its number."""
        found: list[tuple[float, int]] = []
        for start in range(0, len(seen), AT_ONCE):
            ways = torch.cat([one.ways for one in seen[start : start + AT_ONCE]])
            ways = ways - ways.mean((1, 2), keepdim=True)
            ways = (ways / ways.flatten(1).norm(dim=1).clamp(min=1e-6)[:, None, None])[:, None]
            best = torch.full((len(self.names), len(ways)), -1.0)
            for maps, spread in zip(self.maps, self.spread, strict=True):
                for first in range(0, len(maps), AT_ONCE):
                    part = slice(first, first + AT_ONCE)
                    values = F.conv2d(maps[part], ways) / spread[part]
                    best[part] = torch.maximum(best[part], values.flatten(2).max(2).values)
            both = best.reshape(len(self.names), -1, 2).max(2).values
            values, numbers = both.max(0)
            found += list(zip(values.tolist(), numbers.tolist(), strict=True))
        return found
