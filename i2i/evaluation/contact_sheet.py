"""Pictures side by side with captions: the contact sheet of an evaluation and of the demo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..images.image import Array, to_float, to_uint8


def representative_region(guess: Array, truth: Array, side: int, step: int = 1) -> tuple[slice, slice]:
    """Where `guess` is furthest from `truth`, both (H, W, C): rows and columns of a square of `side` pixels.

    Its corner lies at a multiple of `step`, and it is smaller where the picture is.
    """
    error = np.abs(to_float(guess) - to_float(truth)).mean(2, dtype=np.float64)
    height, width = (min(side, length) for length in error.shape)
    summed = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    boxes = summed[height:, width:] - summed[:-height, width:] - summed[height:, :-width] + summed[:-height, :-width]
    top, left = np.unravel_index(boxes[::step, ::step].argmax(), boxes[::step, ::step].shape)
    return slice(int(top) * step, int(top) * step + height), slice(int(left) * step, int(left) * step + width)


def contact_sheet(rows: Sequence[tuple[str, Sequence[Array]]], columns: Sequence[str]) -> Image.Image:
    """A labelled sheet: for each row a caption and one picture (H, W, C) a column.

    Wide pictures are made smaller; small ones are enlarged by whole numbers, so that their pixels show as squares.
    """
    cell, gap, head = 256, 8, 22
    font = ImageFont.load_default(14)
    strips = []
    for caption, pictures in rows:
        shown = [_thumbnail(picture, cell) for picture in pictures]
        strips.append((caption, shown, max(p.height for p in shown)))
    width = len(columns) * (cell + gap) + gap
    height = head + gap + sum(h + head + gap for _, _, h in strips)
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    for c, name in enumerate(columns):
        draw.text((gap + c * (cell + gap), 4), name, "black", font)
    top = head
    for caption, shown, tall in strips:
        draw.text((gap, top + 4), caption, "#444", font)
        for c, picture in enumerate(shown):
            sheet.paste(picture, (gap + c * (cell + gap), top + head))
        top += head + tall + gap
    return sheet


def _thumbnail(picture: Array, cell: int) -> Image.Image:
    array = to_uint8(picture)
    array = array[..., :3] if array.shape[2] >= 3 else np.repeat(array[..., :1], 3, axis=2)
    image = Image.fromarray(array)
    scale = cell / max(image.size)
    scale = scale if scale < 1 else int(scale)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST)
