"""What a JPEG XL file says before it is decoded: its boxes, its size, depth and channels, read bit by bit.

(ISO/IEC 18181-1, annexes on image headers; ISO/IEC 18181-2, file format.) The decoder gives no header without pixels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

CODESTREAM = b"\xff\x0a"
ALPHA = 0
"""The type of an extra channel that is alpha."""
SRGB, CUSTOM = 1, 2
"""Of primaries, and of white."""
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
"""Width to height."""

Choice = tuple[int, int]
"""Of a number: what is added to it, and of how many bits it is."""


@dataclasses.dataclass(frozen=True)
class JxlHeader:
    """Of the picture, upright."""

    width: int
    height: int
    channels: int
    """Of colour: 1 or 3."""
    bits: int
    is_float: bool
    extras: tuple[int, ...]
    """Types of the extra channels; 0 is alpha."""
    associated: bool
    """Whether the colours were multiplied by that alpha."""
    animated: bool
    colour: JxlColour | None
    """None where it is sRGB, or said by a profile."""
    profiled: bool
    """Whether a profile inside says the colours, which the decoder does not give."""
    linear: bool
    """Whether that profile is of XYB, as which lossy pictures are kept: the decoder makes linear sRGB of them."""
    depth_at: int
    """Bit of the codestream from which on its depth stands."""


@dataclasses.dataclass(frozen=True)
class JxlColour:
    """A colour space, by numbers of ITU-T H.273 where it is one of those."""

    white: int
    primaries: int
    chromaticities: tuple[float, ...]
    """x and y of red, green and blue, then of white, where they are given by themselves (2); else empty."""
    transfer: int
    gamma: float | None
    """The exponent that encodes, in place of a transfer function."""


class _Bits:
    """A codestream, the lowest bit of each byte first; raises EOFError at its end."""

    def __init__(self, data: bytes) -> None:
        self.number, self.left, self.place = int.from_bytes(data, "little"), 8 * len(data), 0

    def __call__(self, count: int) -> int:
        if count > self.left:
            raise EOFError("the header is cut short")
        value = self.number & ((1 << count) - 1)
        self.number >>= count
        self.left -= count
        self.place += count
        return value

    def chosen(self, *choices: Choice) -> int:
        """One of four ways to write a number (U32)."""
        plus, bits = choices[self(2)]
        return plus + self(bits)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, content) of the boxes of a container, as far as they are there."""
    place = 0
    while place + 8 <= len(data):
        size, kind, begin = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8], place + 8
        if size == 1:
            size, begin = int.from_bytes(data[begin : begin + 8]), begin + 8
        end = len(data) if size == 0 else place + size
        if end < begin:
            return
        yield kind, data[begin:end]
        place = end


def codestream(data: bytes, most: int | None = None) -> bytes:
    """The codestream or its first bytes, bare or in boxes; raises ValueError where there is none."""
    if data.startswith(CODESTREAM):
        return data[:most]
    parts: list[bytes] = []
    for kind, content in boxes(data):
        if kind == b"jxlc":
            return content[:most]
        if kind == b"jxlp":
            parts.append(content[4:])
            if most is not None and sum(map(len, parts)) >= most:
                break
    if not parts:
        raise ValueError("there is no codestream in it")
    return b"".join(parts)[:most]


def in_twelve_bits(data: bytes, said: JxlHeader) -> bytes:
    """The codestream of a picture in integers of 8 or 10 bits, which the decoder then rounds to 12.

    For what is kept as XYB the depth is but what the decoder makes of its floats.
    """
    stream = bytearray(codestream(data))
    for place, bit in ((said.depth_at + 1, 0), (said.depth_at + 2, 1)):  # behind the one for floats: a choice of 2
        stream[place // 8] = stream[place // 8] & ~(1 << place % 8) | bit << place % 8
    return bytes(stream)


def read_jxl_header(data: bytes) -> JxlHeader:
    """Raises EOFError or ValueError on what is damaged."""
    head = codestream(data, 4096)
    if not head.startswith(CODESTREAM):
        raise ValueError("its codestream does not begin as one")
    bits = _Bits(head[2:])
    width, height = _size(bits)
    orientation, animated, depth, is_float = 1, False, 8, False
    extras: list[int] = []
    associated, channels, colour, profiled, absolute, depth_at = False, 3, None, False, True, 0
    if not bits(1):  # else all is as it is by default
        if bits(1):
            orientation = 1 + bits(3)
            if bits(1):
                _size(bits)  # to be shown at
            if bits(1):
                _preview(bits)
            animated = bool(bits(1))
            if animated:
                _animation(bits)
        depth_at = 8 * len(CODESTREAM) + bits.place
        depth, is_float = _depth(bits)
        bits(1)  # whether 16 bits suffice to decode
        for _ in range(bits.chosen((0, 0), (1, 0), (2, 4), (1, 12))):
            kind, multiplied = _extra(bits)
            associated = associated or multiplied
            extras.append(kind)
        absolute = bool(bits(1))  # the colours are XYB inside
        channels, colour, profiled = _colour(bits)
    if orientation > 4:
        width, height = height, width
    kinds, linear = tuple(extras), profiled and absolute
    return JxlHeader(
        width, height, channels, depth, is_float, kinds, associated, animated, colour, profiled, linear, depth_at
    )


def _size(bits: _Bits) -> tuple[int, int]:
    """Width and height."""
    by_eight = bits(1)

    def side() -> int:
        return 8 * (1 + bits(5)) if by_eight else bits.chosen((1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = RATIOS.get(bits(3))
    return (height * ratio[0] // ratio[1] if ratio else side()), height


def _preview(bits: _Bits) -> None:
    by_eight = bits(1)

    def side() -> int:
        return (
            bits.chosen((16, 0), (32, 0), (1, 5), (33, 9))
            if by_eight
            else bits.chosen((1, 6), (65, 8), (321, 10), (1345, 12))
        )

    side()
    if not bits(3):
        side()


def _animation(bits: _Bits) -> None:
    bits.chosen((100, 0), (1000, 0), (1, 10), (1, 30))  # ticks a second, and divided by
    bits.chosen((1, 0), (1001, 0), (1, 8), (1, 10))
    bits.chosen((0, 0), (0, 3), (0, 16), (0, 32))  # loops
    bits(1)  # time codes


def _depth(bits: _Bits) -> tuple[int, bool]:
    """Bits a sample, and whether they are floats."""
    if bits(1):
        depth = bits.chosen((32, 0), (16, 0), (24, 0), (1, 6))
        bits(4)  # of the exponent
        return depth, True
    return bits.chosen((8, 0), (10, 0), (12, 0), (1, 6)), False


def _enum(bits: _Bits) -> int:
    return bits.chosen((0, 0), (1, 0), (2, 4), (18, 6))


def _extra(bits: _Bits) -> tuple[int, bool]:
    """The type of an extra channel, and whether it is alpha that the colours are multiplied by."""
    if bits(1):
        return ALPHA, False
    kind = _enum(bits)
    _depth(bits)
    bits.chosen((0, 0), (3, 0), (4, 0), (1, 3))  # how much smaller it is
    for _ in range(bits.chosen((0, 0), (0, 4), (16, 5), (48, 10))):
        bits(8)  # of its name
    if kind == 2:  # a spot colour
        bits(64)
    elif kind == 5:  # a raw camera's
        bits.chosen((1, 0), (0, 2), (3, 4), (19, 8))
    return kind, kind == ALPHA and bool(bits(1))


def _colour(bits: _Bits) -> tuple[int, JxlColour | None, bool]:
    """Channels of colour, their space, and whether a profile says it."""
    if bits(1):
        return 3, None, False
    has_profile = bits(1)
    grey = _enum(bits) == 1
    if has_profile:
        return 1 if grey else 3, None, True
    white = _enum(bits)
    point = _points(bits, 1) if white == CUSTOM else ()
    primaries = SRGB if grey else _enum(bits)
    points = _points(bits, 3) if primaries == CUSTOM else ()
    gamma = bits(24) / 1e7 if bits(1) else None
    transfer = _enum(bits) if gamma is None else 0
    colour = JxlColour(white, primaries, (*points, *point), transfer, gamma)
    return 1 if grey else 3, colour, False


def _points(bits: _Bits, count: int) -> tuple[float, ...]:
    """X and y of each, in millionths that alternate between above and below 0."""
    found = []
    for _ in range(2 * count):
        value = bits.chosen((0, 19), (524288, 19), (1048576, 20), (2097152, 21))
        found.append((value >> 1 ^ -(value & 1)) / 1e6)
    return tuple(found)
