"""What it takes to write pictures: `python -m benchmarks.experiments.encoders FOLDER`.

A line for each way to write the folder's pictures in 8 bits: processor time, the least of several rounds, and size.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from i2i.images.decode import read_picture
from i2i.images.encode import encode
from i2i.images.find import find_pictures
from i2i.images.image import Picture, to_pil, to_uint8

from ..command import end_with


def by_pillow(picture: Picture, level: int) -> bytes:
    """A PNG as Pillow writes it at a level of zlib."""
    buffer = io.BytesIO()
    to_pil(picture.pixels).save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


WAYS: dict[str, Callable[[Picture], bytes]] = {
    "PNG": partial(encode, name="png"),
    "PNG as the server sends it": partial(encode, name="png", is_quick=True),
    **{f"PNG by Pillow, level {level}": partial(by_pillow, level=level) for level in (1, 3, 6)},
    "JPEG, quality 95": partial(encode, name="jpg"),
    "WebP, quality 95": partial(encode, name="webp"),
}


def measured(write: Callable[[Picture], bytes], pictures: list[Picture], rounds: int) -> tuple[float, float]:
    """(milliseconds, megabytes) a megapixel."""
    megapixels = sum(picture.pixels.shape[0] * picture.pixels.shape[1] for picture in pictures) / 1e6
    times = []
    for _ in range(rounds):
        began = time.process_time()
        size = sum(len(write(picture)) for picture in pictures)
        times.append(time.process_time() - began)
    return 1000 * min(times) / megapixels, size / 1e6 / megapixels


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments.encoders", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    pictures = [Picture(to_uint8(read_picture(path).pixels)) for path in find_pictures(asked.folder)]
    print("| written as | ms a megapixel | MB a megapixel |\n|---|---|---|")
    for name, write in WAYS.items():
        milliseconds, megabytes = measured(write, pictures, asked.rounds)
        print(f"| {name} | {milliseconds:.1f} | {megabytes:.3f} |")
    return 0


if __name__ == "__main__":
    end_with(main)
