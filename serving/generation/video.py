"""A way between pictures as a video, where PyAV is installed: i2i's extra `video`. Its FFmpeg is LGPL, so it is no
part of i2i itself.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ...images.image import Picture
from .sheet import FRAME, sheet

LEAST_SIDE = 256
"""Pixels a side of the video: smaller frames are enlarged by a whole factor, for colours have half its resolution."""


BT709 = 1
"""What FFmpeg numbers the matrix, the primaries and the curve of BT.709, which players would guess at otherwise."""


def is_there() -> bool:
    """Whether videos can be written: PyAV is installed, and its FFmpeg writes VP9."""
    try:
        import av

        return bool(av.codec.Codec("libvpx-vp9", "w"))
    except (ImportError, ValueError):
        return False


def webm(frames: Sequence[Picture]) -> bytes:
    """The frames, of 8 bits and one size, as a WebM: VP9, laid on white, FRAME milliseconds each."""
    import av  # late: an extra

    out = io.BytesIO()
    with av.open(out, "w", format="webm", options={"fflags": "+bitexact"}) as file:  # else tracks have random numbers
        height, width = _shown(frames[0]).shape[:2]
        stream = file.add_stream("libvpx-vp9", rate=Fraction(1000) / Fraction(FRAME))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        codec, colours = stream.codec_context, {"dst_colorspace": BT709, "dst_color_range": 1}
        codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range = BT709, BT709, BT709, 1
        stream.options = {"crf": "20", "b": "0", "deadline": "good", "cpu-used": "4"}
        for frame in frames:
            shown = av.VideoFrame.from_ndarray(_shown(frame), format="rgb24")
            file.mux(stream.encode(shown.reformat(format="yuv420p", **colours)))
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
