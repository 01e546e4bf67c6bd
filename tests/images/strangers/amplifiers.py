"""Files of a few bytes to megabytes that ask for work without end: every format that a server reads, every count in it.

Each row of AMPLIFIERS makes a file in which something stands `count` times, or is said to; none is larger than 16 MB.
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image

PIXELS = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
IMAGE = Image.fromarray(PIXELS)
LARGEST = 16 << 20


def saved(kind, image=IMAGE, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def times(part, count):
    """`part` so often, within LARGEST."""
    return part * min(count, LARGEST // len(part))


# EXIF


def tiff_block(entries, value_bytes=4, body=b""):
    """A directory whose entries all name the same place behind it."""
    entries = min(entries, 65_535)
    place = 8 + 2 + 12 * entries + 4
    rows = b"".join(struct.pack("<HHII", n % 65_536, 7, value_bytes, place) for n in range(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + rows + bytes(4) + body


def exif_headers(count):
    return times(b"Exif\0\0", count)


def exif_entries(count):
    body = bytes(min(count, 3_000_000))
    return b"Exif\0\0" + tiff_block(min(count, 60_000), len(body), body)


# JPEG

JPEG = saved("JPEG")
PROGRESSIVE = saved("JPEG", progressive=True)


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def into_jpeg(extra, jpeg=JPEG):
    return jpeg[:2] + extra + jpeg[2:]


def exif_in_jpeg(block):
    """Cut into segments of 64 kB, which decoders join."""
    return into_jpeg(b"".join(segment(0xE1, b"Exif\0\0" + block[n : n + 65_000]) for n in range(0, len(block), 65_000)))


def jpeg_scans(count):
    """The last scan again and again, on a picture of four megapixels."""
    whole = bytearray(saved("JPEG", IMAGE.resize((2048, 2048)), progressive=True, quality=10))
    scan = whole.rindex(b"\xff\xda")
    head = whole[scan : scan + 2 + int.from_bytes(whole[scan + 2 : scan + 4])]
    return bytes(whole[:-2]) + times(bytes(head), count) + b"\xff\xd9"


# PNG


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(extra=b"", width=64, height=64, pixels=None, behind=b""):
    data = zlib.compress(bytes(height * (1 + 3 * width)), 9) if pixels is None else pixels
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", data) + behind + chunk(b"IEND", b"")


def raw_profile(block):
    return chunk(
        b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n%d\n" % len(block) + block.hex().encode(), 9)
    )


def zeros(count):
    """Packed."""
    return zlib.compress(bytes(min(count, 1 << 26)), 9)


# TIFF


def tiff(big=False, **options):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, bigtiff=big) as writer:
        writer.write(PIXELS, photometric="rgb", metadata=None, **options)
    return buffer.getvalue()


def entry(tag, kind, count, value):
    return struct.pack("<HHII", tag, kind, count, value)


def bare_tiff(changes=(), more=(), width=64, height=64, following=0, compression=1, body=b"", samples=3):
    """A TIFF by hand: its tags, with `changes` in their place and `more` beside them; `body` is at 8."""
    strip = body or bytes(width * height * samples)
    tags = {
        256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8), 259: (3, 1, compression), 262: (3, 1, 2 if samples == 3 else 1),
        273: (4, 1, 8), 277: (3, 1, samples), 278: (4, 1, height), 279: (4, 1, len(strip)),
    }  # fmt: skip
    for tag, value in dict(changes).items():
        if value is None:
            tags.pop(tag, None)
        else:
            tags[tag] = value
    rows = [entry(tag, *value) for tag, value in sorted(tags.items())] + [entry(*row) for row in more]
    strip += b"\0" * (len(strip) % 2)
    return (
        b"II*\0"
        + struct.pack("<I", 8 + len(strip))
        + strip
        + struct.pack("<H", len(rows))
        + b"".join(rows)
        + struct.pack("<I", following)
    )


def tiff_pages(count):
    count = min(count, 60_000)
    base = bare_tiff()
    start = struct.unpack_from("<I", base, 4)[0]
    directory = base[start:-4]
    out, place = bytearray(base[:-4]), start
    for _ in range(count - 1):
        place += len(directory) + 4
        out += struct.pack("<I", place) + directory
    return bytes(out + bytes(4))


def tiff_ring(count):
    """As many directories, the last of which names the first."""
    whole = tiff_pages(count)
    return whole[:-4] + whole[4:8]


def tiff_strips(count):
    """So many strips, which all are the same bytes."""
    count = min(count, 1_000_000)
    strip = zeros(1 << 20)
    body = strip + bytes(-len(strip) % 4)
    tables = struct.pack("<I", 8) * count + struct.pack("<I", len(strip)) * count
    at = 8 + len(body)
    changes = {273: (4, count, at), 279: (4, count, at + 4 * count), 278: (4, 1, 1), 257: (4, 1, max(count, 64))}
    return bare_tiff(changes, compression=8, body=body + tables)


def tiff_tiles(side):
    """A tile so large for 64x64 pixels."""
    body = zeros(min(3 * side * side, 1 << 27))
    tiles = ((322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, 8), (325, 4, 1, len(body)))
    return bare_tiff({273: None, 278: None, 279: None}, tiles, compression=8, body=body)


def jpeg_in_tiff(side):
    """A strip that is a JPEG of another size."""
    body = bytearray(JPEG)
    at = body.index(b"\xff\xc0")
    struct.pack_into(">HH", body, at + 5, min(side, 65_500), min(side, 65_500))
    return bare_tiff({}, compression=7, body=bytes(body))


# GIF, WebP, AVIF, BMP

GIF = saved("GIF")
WEBP = saved("WEBP")
AVIF = saved("AVIF", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", speed=10)


def gif_frames(count):
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\0"
    return GIF[:-1] + times(frame, count) + b";"


def gif_blocks(count):
    return GIF[:-1] + b"\x21\xfe" + times(b"\x01A", count) + b"\0;"


def into_riff(extra):
    vp8x = b"VP8X" + struct.pack("<I", 10) + bytes([0x0C, 0, 0, 0]) + (63).to_bytes(3, "little") * 2
    body = b"WEBP" + vp8x + WEBP[12:] + extra
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def webp_frames(count):
    frame = riff_chunk(b"ANMF", bytes(6) + (63).to_bytes(3, "little") * 2 + bytes(4) + WEBP[12:])
    head = b"VP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0]) + (63).to_bytes(3, "little") * 2
    body = b"WEBP" + head + riff_chunk(b"ANIM", bytes(6)) + times(frame, count)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def box(kind, data):
    return struct.pack(">I", len(data) + 8) + kind + data


def avif_field(kind, skip, size, count):
    """A count of the file raised to so many, and rows for it."""
    at = AVIF.index(kind) + 4 + skip
    return AVIF[:at] + min(count, 256**size - 1).to_bytes(size) + AVIF[at + size :]


def avif_exif(block):
    """In the place of the one it has, whose length is left as it was: found by who searches for it."""
    return AVIF.replace(b"Exif\0\0II*\0", block + b"II*\0", 1)


def bmp_codes(count):
    head = struct.pack("<IiiHHIIiiII", 40, 64, 64, 1, 8, 1, 0, 0, 0, 256, 0)
    codes = times(b"\0\0", count)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(codes), 0, 0, 54 + 1024) + head + bytes(1024) + codes


AMPLIFIERS = {
    "jpg, application segments": lambda n: into_jpeg(times(b"\xff\xef\0\2", n)),
    "jpg, comments": lambda n: into_jpeg(times(segment(0xFE, b"x" * 12), n)),
    "jpg, segments of EXIF": lambda n: into_jpeg(times(segment(0xE1, b"Exif\0\0ab"), n)),
    "jpg, segments of a profile": lambda n: into_jpeg(times(segment(0xE2, b"ICC_PROFILE\0\1\1abcd"), n)),
    "jpg, segments of extended XMP": lambda n: into_jpeg(times(segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + bytes(8)), n)),
    "jpg, resources of Photoshop": lambda n: into_jpeg(times(segment(0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\0\0\0\0"), n)),
    "jpg, tables": lambda n: into_jpeg(times(segment(0xDB, bytes(1) + b"\1" * 64), n)),
    "jpg, fill bytes": lambda n: into_jpeg(times(b"\xff", n)),
    "jpg, junk": lambda n: into_jpeg(times(b"\0", n)),
    "jpg, restart markers": lambda n: into_jpeg(times(b"\xff\xd0", n)),
    "jpg, headers of EXIF": lambda n: exif_in_jpeg(exif_headers(n)),
    "jpg, entries of EXIF": lambda n: exif_in_jpeg(exif_entries(n)[6:]),
    "jpg, scans": jpeg_scans,
    "mpo, pictures": lambda n: JPEG[:2] + segment(0xE2, b"MPF\0II*\0\x08\0\0\0\1\0" + entry(0xB001, 4, 1, n) + bytes(4)) + JPEG[2:],
    "png, empty chunks": lambda n: png(times(chunk(b"prVt", b""), n)),
    "png, empty chunks of pixels": lambda n: png(times(chunk(b"IDAT", b""), n)),
    "png, texts": lambda n: png(times(chunk(b"tEXt", b"a\0b"), n)),
    "png, packed texts": lambda n: png(times(chunk(b"zTXt", b"a\0\0" + zeros(1_000_000)), n)),
    "png, international texts": lambda n: png(times(chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(1_000_000)), n)),
    "png, a packed text": lambda n: png(chunk(b"zTXt", b"a\0\0" + zeros(1000 * n))),
    "png, a packed profile": lambda n: png(chunk(b"iCCP", b"a\0\0" + zeros(1000 * n))),
    "png, headers of EXIF": lambda n: png(chunk(b"eXIf", exif_headers(n))),
    "png, headers of EXIF behind the pixels": lambda n: png(behind=chunk(b"eXIf", exif_headers(n))),
    "png, entries of EXIF": lambda n: png(chunk(b"eXIf", exif_entries(n))),
    "png, headers of EXIF in a text": lambda n: png(raw_profile(exif_headers(min(n, 80_000)))),
    "png, entries of EXIF in a text": lambda n: png(raw_profile(exif_entries(min(n, 30_000)))),
    "png, frames": lambda n: png(chunk(b"acTL", struct.pack(">II", n, 0)), behind=times(chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 64, 64, 0, 0, 1, 1, 0, 0)), n)),
    "png, suggested palettes": lambda n: png(times(chunk(b"sPLT", b"a\0\x08" + bytes(6)), n)),
    "png, behind its end": lambda n: png() + times(b"\0" * 12, n),
    "png, pixels that it does not need": lambda n: png(pixels=zeros(1000 * n)),
    "tiff, directories": tiff_pages,
    "tiff, directories in a ring": tiff_ring,
    "tiff, strips that are the same": tiff_strips,
    "tiff, a large tile": lambda n: tiff_tiles(16 * round((n / 16) ** 0.5) if n > 10_000 else 1008),
    "tiff, strips that it does not need": lambda n: bare_tiff({273: (4, n, 8), 279: (4, n, 8)}, body=struct.pack("<I", 8) * min(n, LARGEST // 4)),
    "tiff, rows a strip": lambda n: bare_tiff({278: (4, 1, n), 279: (4, 1, 1)}),
    "tiff, a JPEG within": lambda n: jpeg_in_tiff(n),
    "tiff, tags": lambda n: bare_tiff(more=[(40_000 + k % 20_000, 7, 12_000, 8) for k in range(min(n, 60_000))]),
    "tiff, values of a tag": lambda n: bare_tiff(more=[(34_675, 7, 100 * n, 8)]),
    "tiff, samples a pixel": lambda n: bare_tiff({277: (3, 1, min(n, 65_535)), 279: (4, 1, 2**31)}),
    "tiff, a claimed strip": lambda n: bare_tiff({279: (4, 1, min(4000 * n, 2**32 - 1))}),
    "gif, frames": gif_frames,
    "gif, blocks of a comment": gif_blocks,
    "gif, junk": lambda n: GIF[:-1] + times(b"\0", n) + b";",
    "gif, extensions": lambda n: GIF[:-1] + times(b"\x21\xf9\4\0\0\0\0\0", n) + b";",
    "gif, extensions ahead": lambda n: GIF[: 13 + 768] + times(b"\x21\xfe\1A\0", n) + GIF[13 + 768 :],
    "gif, a wide frame": lambda n: GIF[:-1].replace(b"\x2c\0\0\0\0\x40\0\x40\0", b"\x2c\0\0\0\0" + struct.pack("<HH", min(n, 65_535), min(n, 65_535)), 1) + b";",
    "webp, chunks": lambda n: into_riff(times(riff_chunk(b"abcd", b""), n)),
    "webp, headers of EXIF": lambda n: into_riff(riff_chunk(b"EXIF", exif_headers(n))),
    "webp, entries of EXIF": lambda n: into_riff(riff_chunk(b"EXIF", exif_entries(n)[6:])),
    "webp, frames": webp_frames,
    "heic, boxes": lambda n: box(b"ftyp", b"heic\0\0\0\0mif1heic") + times(box(b"free", b""), n),
    "avif, boxes": lambda n: AVIF + times(box(b"free", b""), n),
    "avif, items": lambda n: avif_field(b"iinf", 4, 2, n),
    "avif, parts of items": lambda n: avif_field(b"iloc", 6, 2, n),
    "avif, headers of EXIF": lambda n: avif_exif(exif_headers(n)),
    "bmp, codes": bmp_codes,
    "bmp, colours": lambda n: b"BM" + struct.pack("<IHHI", 60, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 64, 64, 1, 8, 0, 0, 0, 0, n, 0) + bytes(5000),
}  # fmt: skip
"""By format and what is too much of."""
