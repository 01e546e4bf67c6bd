"""Animations and books of pages, frame by frame: GIF, APNG, WebP and AVIF by Pillow in 8 bits, TIFF in any depth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ..errors import PictureError, PictureTooLargeError
from .codecs.avif import SPEED
from .codecs.png_chunks import with_metadata
from .codecs.tiff import open_pages
from .colour.spaces import with_profile
from .decode import as_picture_error
from .encode import Encoded, as_eight_bits, notes, saved, told
from .formats import FORMATS, HEAD, claimed, flag_for_frames
from .from_pillow import from_pil
from .image import Picture, Timing
from .metadata.fitting import fitted
from .quiet import quiet
from .source import MAX_PIXELS, first_bytes, opened, several_frames, source_name
from .structure.bounds import OWN
from .structure.look import look_through


@dataclasses.dataclass(frozen=True)
class Frames:
    """A file of several pictures."""

    count: int
    are_pages: bool
    """Of a book: each has its own size, and none has a time."""
    pictures: Iterator[tuple[Picture, float]]
    """In order, each decoded when it is asked for, with its milliseconds; raises PictureError."""
    plays: int
    """How often an animation is played; 0 is for ever."""


def read_frames(source: Path | bytes, max_pixels: int = MAX_PIXELS) -> Frames:
    """An animation or a book of pages; raises PictureError, or PictureTooLargeError before decoding.

    `max_pixels` bounds the pixels of all frames together.
    """
    with as_picture_error(source):
        look_through(source, source_name(source), OWN)
        rows = claimed(first_bytes(source, HEAD))
        if any(row is FORMATS["tiff"] for row in rows):
            return _pages(source, max_pixels)
        if not any(row.frames and row.pillow for row in rows):
            raise several_frames(source, "several")
        with opened(source) as image:
            count, (width, height) = getattr(image, "n_frames", 1), image.size
            # A still picture for programs that play no PNG is none of its frames.
            numbers = range(1 if image.info.get("default_image") else 0, count)
            plays = _plays(image)
    _check(source, count, count * width * height, max_pixels)
    return Frames(len(numbers), False, _animated(source, numbers, max_pixels), plays)


def _pages(source: Path | bytes, max_pixels: int) -> Frames:
    pages = open_pages(source)
    _check(source, len(pages), sum(page.header.width * page.header.height for page in pages), max_pixels)

    def pictures() -> Iterator[tuple[Picture, float]]:
        for page in pages:
            with as_picture_error(source):
                picture = with_profile(page.decode())
            yield picture, 0.0

    return Frames(len(pages), True, pictures(), 0)


def _animated(source: Path | bytes, numbers: range, max_pixels: int) -> Iterator[tuple[Picture, float]]:
    with opened(source) as image:
        for number in numbers:
            with as_picture_error(source):
                image.seek(number)
                _check(source, len(numbers), image.width * image.height, max_pixels)  # a frame of a GIF may widen it
                picture = with_profile(from_pil(image))
            yield picture, float(image.info.get("duration", 0))


def _check(source: Path | bytes, count: int, pixels: int, max_pixels: int) -> None:
    if pixels > max_pixels:
        raise PictureTooLargeError(
            f"{source_name(source)} has {count} frames of {pixels / 1e6:.0f} megapixels together; "
            f"the limit is {max_pixels / 1e6:.0f}."
        )


def _plays(image: Image.Image) -> int:
    """A GIF counts how often it is repeated after the first time; without a count it is played once."""
    loop = image.info.get("loop")
    if image.format != "GIF":
        return int(loop or 0)
    return 1 if loop is None else int(loop) + 1 if loop else 0


@quiet
def encode_frames(
    pictures: Sequence[Picture], timing: Timing, are_pages: bool, name: str, quality: int | None = None
) -> Encoded:
    """Several pictures as one file of the format `name`; raises PictureError where it cannot hold them."""
    check_frames("The result", len(pictures), are_pages, name)
    writer = FORMATS[name].frame_writer
    assert writer is not None
    fitting = [fitted(picture, name) for picture in pictures]
    return told(writer(fitting, timing, 95 if quality is None else quality), pictures, fitting)


def check_frames(what: str, count: int, are_pages: bool, name: str) -> None:
    """Raises PictureError where a format holds one picture alone, or no pages."""
    row = FORMATS[name]
    if row.frame_writer is None or (are_pages and not row.bands):
        kind = "pages" if are_pages else "frames"
        flag = flag_for_frames(are_pages)
        raise PictureError(f"{what} holds {count} {kind}, which {name} cannot hold. Use {flag}.")


def animation(pillow: str, pictures: Sequence[Picture], timing: Timing, quality: int) -> bytes:
    """By Pillow's writer of that name, in 8 bits a channel; all frames have alpha when one has, and colours."""
    has_alpha = any(picture.alpha is not None for picture in pictures)
    grey = all(picture.pixels.shape[2] == 1 for picture in pictures)
    mode = ("LA" if grey and pillow == "PNG" else "RGBA") if has_alpha else "L" if grey else "RGB"
    first, *others = [as_eight_bits(picture).convert(mode) for picture in pictures]
    durations = [round(duration) for duration in timing.durations]
    options: dict[str, Any] = {"save_all": True, "append_images": others, "duration": durations}
    options |= _OPTIONS[pillow](timing.plays, quality)
    if pillow == "PNG":
        return with_metadata(saved(first, pillow, **options), pictures[0])
    return saved(first, pillow, **options, **notes(pictures[0]))


_OPTIONS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "PNG": lambda plays, _quality: {"loop": plays, "compress_level": 3},
    "WEBP": lambda plays, quality: {"loop": plays, "quality": quality, "lossless": quality == 100, "exact": True},
    "AVIF": lambda _plays, quality: {
        "quality": quality,
        "subsampling": "4:4:4" if quality >= 90 else "4:2:0",
        "speed": SPEED,
    },
}
"""What each writer takes: an AVIF is played for ever."""
