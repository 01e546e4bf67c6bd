"""A way between pictures as a video, where PyAV is installed: i2i's extra `video`. Its FFmpeg is LGPL, so it is no
part of i2i itself.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ...images.image import Picture
from .sheet import FRAME, sheet

LEAST_SIDE = 256
"""Pixels a side of the video: smaller frames are enlarged by a whole factor, for colours have half its resolution."""


def is_there() -> bool:
    """Whether videos can be written."""
    return importlib.util.find_spec("av") is not None


def webm(frames: Sequence[Picture]) -> bytes:
    """The frames, of 8 bits and one size, as a WebM: VP9, laid on white, FRAME milliseconds each."""
    import av  # late: an extra

    out = io.BytesIO()
    with av.open(out, "w", format="webm") as file:
        height, width = _shown(frames[0]).shape[:2]
        stream = file.add_stream("libvpx-vp9", rate=Fraction(1000) / Fraction(FRAME))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "20", "b": "0", "deadline": "good", "cpu-used": "4"}
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(_shown(frame), format="rgb24")))
        file.mux(stream.encode())
    return out.getvalue()


def _shown(frame: Picture) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(h, w, 3) of bytes."""
    large = sheet([frame], 1, least=LEAST_SIDE)
    pixels = np.broadcast_to(large.pixels, (*large.pixels.shape[:2], 3)).astype(np.uint8)
    if large.alpha is None:
        return np.ascontiguousarray(pixels)
    share = large.alpha[..., None] / 255
    return np.ascontiguousarray((pixels * share + 255 * (1 - share)).round().astype(np.uint8))
