"""JPEG: its segments, and how often the whole picture is gone over (ITU-T T.81, annex B)."""

from __future__ import annotations

from . import exif
from .counted import Counted

ALONE = {0x00, 0x01, *range(0xD0, 0xDA)}
"""What no segment follows."""
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_AT_ONCE = 1 << 20


def look(file: Counted) -> None:
    """Raises PictureError on more segments, metadata or scans than are allowed; reads no further than it must."""
    place, frame, blocks = 2, (0, 0), list[bytes]()
    while len(head := file.at(place, 10)) >= 2:
        marker = head[1]
        if head[0] != 0xFF or marker == 0xFF:
            file.count("bytes between its JPEG segments")
            place += 1
            continue
        file.count("JPEG segments")
        if marker in ALONE:
            place += 2
            continue
        if marker < 0xC0:  # none that decoders know
            break
        length = int.from_bytes(head[2:4])
        if marker in FRAMES and len(head) == 10:
            frame = (marker, head[9])
        if marker == 0xDA:
            _count_scans(file, place, frame, head[4:5])
            break
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            file.count("bytes of metadata", length)
        if marker == 0xE1 and head[4:10] == exif.HEAD:
            block = file.at(place + 4, length - 2)
            exif.look(file, block)
            blocks.append(block[len(exif.HEAD) :] if blocks else block)
        place += 2 + length
    if len(blocks) > 1:  # which decoders join
        exif.look(file, b"".join(blocks))


def _count_scans(file: Counted, place: int, frame: tuple[int, int], components: bytes) -> None:
    """Those behind `place`, up to the end of the picture; one of all components is the only one."""
    if frame[0] not in PROGRESSIVE and components == bytes([frame[1]]):
        return
    before = b""
    while part := file.at(place, _AT_ONCE):
        whole = before + part
        end = whole.find(b"\xff\xd9")
        file.count("JPEG scans", whole.count(b"\xff\xda", 0, end if end >= 0 else len(whole)))
        if end >= 0:
            return
        place, before = place + len(part), whole[-1:]
