"""IPTC-IIM (title, caption, keywords of news agencies): raw records, in JPEG and PNG inside a resource of Photoshop.

(IPTC-NAA Information Interchange Model, version 4; Adobe Photoshop file formats, image resources.)
"""

from __future__ import annotations

import struct

RESOURCE = 0x0404
_PHOTOSHOP = b"Photoshop 3.0\0"
LARGEST = 65_000
"""Bytes that one segment of a JPEG holds, heads apart."""


def clean(iptc: object) -> bytes | None:
    """The records as they are, empty where there are none; None for what is no records, or longer than any agency's."""
    if not isinstance(iptc, bytes):
        return None
    whole = _of_photoshop(iptc).rstrip(b"\0")
    return whole if whole[:1] in (b"\x1c", b"") and len(whole) <= LARGEST else None


def _of_photoshop(block: bytes) -> bytes:
    """The records among such resources; anything else as it is."""
    block = block.removeprefix(_PHOTOSHOP)
    if not block.startswith(b"8BIM"):
        return block
    at = 0
    while block[at : at + 4] == b"8BIM":
        name = block[at + 6] | 1  # with its length it takes an even count of bytes
        (number,), (size,) = struct.unpack_from(">H", block, at + 4), struct.unpack_from(">I", block, at + 7 + name)
        begin = at + 11 + name
        if number == RESOURCE:
            return block[begin : begin + size]
        at = begin + size + size % 2
    return b""


def resource(iptc: bytes) -> bytes:
    """As Photoshop has it."""
    return struct.pack(">4sHHI", b"8BIM", RESOURCE, 0, len(iptc)) + iptc + b"\0" * (len(iptc) % 2)


def segment(iptc: bytes) -> bytes:
    """The segment APP13 of a JPEG."""
    content = _PHOTOSHOP + resource(iptc)
    return b"\xff\xed" + struct.pack(">H", len(content) + 2) + content


def raw_profile(iptc: bytes) -> bytes:
    """A text of a PNG, under `Raw profile type iptc`, as ImageMagick began to write and ExifTool reads."""
    block = resource(iptc)
    digits = block.hex()
    lines = [digits[at : at + 72] for at in range(0, len(digits), 72)]
    return "\n".join(["", "iptc", f"{len(block):8d}", *lines, ""]).encode()


def from_tiff(value: object, order: str) -> bytes | None:
    """Tag 33723, which some programs write as LONGs; `order` is `<` or `>`."""
    if isinstance(value, tuple) and all(isinstance(each, int) for each in value):
        form, most = (f"{order}{len(value)}I", 2**32) if max(value, default=0) > 255 else (f"{len(value)}B", 256)
        value = struct.pack(form, *value) if all(0 <= each < most for each in value) else None
    return clean(value)
