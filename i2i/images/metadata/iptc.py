"""IPTC-IIM (title, caption, keywords of news agencies): raw records, in JPEG inside a resource of Photoshop.

(IPTC-NAA Information Interchange Model, version 4; Adobe Photoshop file formats, image resources.)
"""

from __future__ import annotations

import struct

RESOURCE = 0x0404
_PHOTOSHOP = b"Photoshop 3.0\0"
LARGEST = 65_000
"""Bytes that one segment of a JPEG holds, heads apart."""


def clean(iptc: object) -> bytes | None:
    """The records as they are; None where they are none, or are longer than any agency's."""
    whole = bytes(iptc).rstrip(b"\0") if isinstance(iptc, bytes) else b""
    return whole if whole[:1] == b"\x1c" and len(whole) <= LARGEST else None


def segment(iptc: bytes) -> bytes:
    """The segment APP13 of a JPEG."""
    padded = iptc + b"\0" * (len(iptc) % 2)
    content = _PHOTOSHOP + struct.pack(">4sHHI", b"8BIM", RESOURCE, 0, len(iptc)) + padded
    return b"\xff\xed" + struct.pack(">H", len(content) + 2) + content


def from_tiff(value: object, order: str) -> bytes | None:
    """Tag 33723, which some programs write as LONGs; `order` is `<` or `>`."""
    if isinstance(value, tuple) and all(isinstance(each, int) for each in value):
        form, most = (f"{order}{len(value)}I", 2**32) if max(value, default=0) > 255 else (f"{len(value)}B", 256)
        value = struct.pack(form, *value) if all(0 <= each < most for each in value) else b""
    return clean(value)
