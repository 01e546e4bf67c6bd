"""Colours that an AVIF or a HEIC names by numbers, as the chunk cICP of a PNG names them.

(ISO/IEC 14496-12, ColourInformationBox; ITU-T H.273.)
"""

from __future__ import annotations

import re

from ..colour.spaces import HDR

HEAD = 1 << 18
"""Bytes of a file in which the box is looked for: it stands before the pixels."""
_BOX = re.compile(rb"colrnclx(..)(..)", re.DOTALL)
_SRGB_CURVE, _VIDEO = 13, {1, 2, 6, 14, 15}
"""Transfer functions: that of sRGB, and those of video and of nothing said, which browsers show as sRGB."""
_PRIMARIES = {1, 9, 11, 12}


def chunks_of(head: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """(type, data) for `Picture.colour_chunks`, of the first bytes of a file; none where it is sRGB, or not known."""
    found = _BOX.search(head)
    primaries, transfer = (int.from_bytes(each) for each in found.groups()) if found else (1, _SRGB_CURVE)
    curve = _SRGB_CURVE if transfer in _VIDEO else transfer
    return by_numbers(primaries, curve)


def by_numbers(primaries: int, transfer: int) -> tuple[tuple[bytes, bytes], ...]:
    """The same, of numbers of H.273."""
    is_known = primaries in _PRIMARIES and (transfer in HDR or transfer < 16)
    if not is_known or (primaries, transfer) == (1, _SRGB_CURVE):
        return ()
    return ((b"cICP", bytes([primaries, transfer, 0, 1])),)
