"""Files taken apart by their specifications, so that what was written is not read back by what wrote it."""

import struct
import zlib


def jpeg_segments(data):
    """(marker, content) of each segment before the pixels."""
    found, at = [], 2
    while data[at] == 0xFF and data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((data[at + 1], data[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


def segment(data, marker, head):
    """The content of a JPEG's segment behind its head; None where there is none."""
    return next((s[len(head) :] for m, s in jpeg_segments(data) if m == marker and s.startswith(head)), None)


def png_chunks(data):
    """(type, content) of each chunk, with its checksum proved."""
    found, at = [], 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + content) == struct.unpack_from(">I", data, at + 8 + length)[0]
        found.append((kind, content))
        at += 12 + length
    return found


def png_with(data, *chunks):
    """A PNG with these (type, content) behind its first chunk."""
    packed = (struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks)
    return data[:33] + b"".join(packed) + data[33:]


def webp_chunks(data):
    """Content by type."""
    found, at = {}, 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        found[kind] = data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return found


def exif_values(block, *path):
    """Values of a directory of EXIF by tag, raw: (type, count, bytes); `path` are the tags that lead to it."""
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}[block[:2]]
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}

    def directory(at):
        (count,) = struct.unpack_from(order + "H", block, at)
        found = {}
        for n in range(count):
            tag, kind, many, value = struct.unpack_from(order + "HHI4s", block, at + 2 + 12 * n)
            place = at + 2 + 12 * n + 8 if sizes[kind] * many <= 4 else struct.unpack(order + "I", value)[0]
            found[tag] = (kind, many, block[place : place + sizes[kind] * many])
        assert list(found) == sorted(found)
        return found, struct.unpack_from(order + "I", block, at + 2 + 12 * count)[0]

    values, following = directory(struct.unpack_from(order + "I", block, 4)[0])
    assert following == 0  # no thumbnail
    for tag in path:
        values, _ = directory(struct.unpack(order + "I", values[tag][2])[0])
    return values


def exif_number(block, tag, *path):
    kind, _, raw = exif_values(block, *path)[tag]
    order = "<" if block.removeprefix(b"Exif\0\0")[:2] == b"II" else ">"
    numbers = struct.unpack(order + {3: "H", 4: "I", 5: "II"}[kind], raw)
    return numbers[0] if kind != 5 else numbers[0] / numbers[1]
