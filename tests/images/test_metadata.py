"""What a file says beside its pixels comes through into every kind of file that holds it, and is true there."""

import dataclasses
import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import tifffile
from picture_files import exif_number, exif_values, png_chunks, png_with, segment, webp_chunks
from PIL import Image

from i2i.images.decode import read_header, read_picture
from i2i.images.encode import encode, encoded
from i2i.images.image import Picture

RGB = np.dstack(
    [np.tile(np.arange(48, dtype=np.uint8) * 5, (32, 1)), *[np.full((32, 48), v, np.uint8) for v in (90, 200)]]
)
XMP = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" tiff:Orientation="6" exif:PixelXDimension="99" exif:GPSLatitude="48,8N">
<tiff:ImageWidth>99</tiff:ImageWidth><exif:GPSLongitude>2,3E</exif:GPSLongitude>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Caf\xc3\xa9</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
IPTC = b"\x1c\x02\x05\x00\x05Title\x1c\x02\x19\x00\x07keyword"
NOTES = b"CAM\0" + bytes(range(60))
"""A maker's own notes."""


def camera(order="<"):
    """A camera's block of EXIF, byte by byte: maker, orientation, 240 dpi, sizes, notes, place and a thumbnail."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    thumbnail = io.BytesIO()
    Image.new("RGB", (16, 8), "red").save(thumbnail, "JPEG")
    data = bytearray(mark + bytes(4))

    def put(value):
        data.extend(bytes(len(data) % 2))
        data.extend(value)
        return len(data) - len(value)

    def directory(entries, following=0):
        packed = b""
        for tag, kind, count, value in sorted(entries):
            place = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(order + "I", put(value))
            packed += struct.pack(order + "HHI", tag, kind, count) + place
        return put(struct.pack(order + "H", len(entries)) + packed + struct.pack(order + "I", following))

    short, long = (lambda v: struct.pack(order + "H", v)), (lambda v: struct.pack(order + "I", v))
    ratio = lambda *v: b"".join(struct.pack(order + "II", each, 1) for each in v)  # noqa: E731
    interoperability = directory([(1, 2, 4, b"R98\0")])
    exif = directory([(0x9003, 2, 20, b"2026:05:04 10:11:12\0"), (0x927C, 7, len(NOTES), NOTES), (0xA002, 3, 1, short(99)),
                      (0xA003, 4, 1, long(77)), (0xA005, 4, 1, long(interoperability))])  # fmt: skip
    gps = directory([(1, 2, 2, b"N\0"), (2, 5, 3, ratio(48, 8, 1)), (0x1D, 2, 11, b"2026:05:04\0")])
    jpeg = put(thumbnail.getvalue())
    second = directory(
        [(0x0103, 3, 1, short(6)), (0x0201, 4, 1, long(jpeg)), (0x0202, 4, 1, long(len(thumbnail.getvalue())))]
    )
    first = directory([(0x010F, 2, 4, b"CAM\0"), (0x0112, 3, 1, short(1)), (0x011A, 5, 1, ratio(240)), (0x011B, 5, 1, ratio(240)),
                       (0x0128, 3, 1, short(2)), (0x0100, 3, 1, short(99)), (0x8298, 2, 3, b"Me\0"), (0x8769, 4, 1, long(exif)),
                       (0x8825, 4, 1, long(gps))], second)  # fmt: skip
    data[4:8] = long(first)
    return b"Exif\0\0" + bytes(data)


def iptc_segment(records=IPTC):
    body = (
        b"Photoshop 3.0\0" + struct.pack(">4sHHI", b"8BIM", 0x0404, 0, len(records)) + records + bytes(len(records) % 2)
    )
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def jpeg(order="<", **options):
    data = io.BytesIO()
    given = {
        "quality": 95,
        "exif": camera(order),
        "xmp": XMP,
        "dpi": (300, 300),
        "extra": iptc_segment(),
        "comment": b"hello",
    }
    Image.fromarray(RGB).save(data, "JPEG", **{**given, **options})
    return data.getvalue()


def png(depth=8):
    picture = Picture(RGB if depth == 8 else RGB.astype(np.uint16) * 257)
    return png_with(encode(picture, "png"), (b"pHYs", struct.pack(">IIB", 11811, 11811, 1)), (b"eXIf", camera()[6:]),
                    (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP), (b"tEXt", b"Author\0Me"))  # fmt: skip


def webp():
    data = io.BytesIO()
    Image.fromarray(RGB).save(data, "WEBP", exif=camera(), xmp=XMP, quality=95)
    return data.getvalue()


def tiff(dtype=np.uint8, bands=3, bigtiff=False):
    """With XMP and IPTC as tifffile writes them."""
    data, pixels = io.BytesIO(), RGB if bands == 3 else np.dstack([RGB, RGB])
    pixels = (pixels / 255).astype(dtype) if dtype == np.float32 else pixels.astype(dtype)
    tifffile.imwrite(data, pixels, photometric="rgb" if bands == 3 else "minisblack", planarconfig="contig", metadata=None,
                     bigtiff=bigtiff, software="CAM", resolution=(300, 300), resolutionunit="inch",
                     extratags=[(700, 1, len(XMP), XMP, True), (33723, 7, len(IPTC), IPTC, True), (33432, 2, 0, "Me", True),
                                (40091, 1, 6, "abc".encode("utf-16-le"), True)])  # fmt: skip
    return data.getvalue()


SOURCES = {
    "jpeg": jpeg(), "jpeg, big endian": jpeg(">"), "png": png(), "png, 16 bits": png(16), "webp": webp(), "tiff": tiff(),
    "tiff, 16 bits": tiff(np.uint16), "tiff, floats": tiff(np.float32), "bigtiff": tiff(bigtiff=True), "tiff, six bands": tiff(bands=6),
}  # fmt: skip


def blocks(data):
    """EXIF, XMP, IPTC and pixels an inch as they stand in a file, read by its specification or by tifffile."""
    if data[:2] == b"\xff\xd8":
        jfif, iptc = segment(data, 0xE0, b"JFIF\0"), segment(data, 0xED, b"Photoshop 3.0\0")
        dpi = struct.unpack(">HH", jfif[3:7]) if jfif[2] == 1 else None
        exif = segment(data, 0xE1, b"Exif\0\0")
        return (
            exif,
            segment(data, 0xE1, b"http://ns.adobe.com/xap/1.0/\0"),
            iptc[12 : 12 + len(IPTC)] if iptc else None,
            dpi,
        )
    if data[:4] == b"\x89PNG":
        chunks = dict(png_chunks(data))
        xmp = chunks.get(b"iTXt", b"").removeprefix(b"XML:com.adobe.xmp\0\0\0\0\0") or None
        physical = struct.unpack(">IIB", chunks[b"pHYs"]) if b"pHYs" in chunks else None
        packed = chunks.get(b"zTXt", b"").removeprefix(b"Raw profile type iptc\0\0")
        iptc = bytes.fromhex("".join(zlib.decompress(packed).decode().split("\n")[3:])) if packed else None
        dpi = physical and tuple(each * 0.0254 for each in physical[:2])
        return chunks.get(b"eXIf"), xmp, iptc and iptc[12 : 12 + len(IPTC)], dpi
    if data[:4] == b"RIFF":
        chunks = webp_chunks(data)
        exif = chunks.get(b"EXIF")
        dpi = exif and tuple(exif_number(exif, tag) for tag in (0x011A, 0x011B))
        return exif, chunks.get(b"XMP "), None, dpi
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        dpi = (
            tuple(over / under for over, under in (page.tags.valueof(tag) for tag in (282, 283)))
            if page.resolutionunit == 2
            else None
        )
        xmp, iptc = page.tags.valueof(700), page.tags.valueof(33723)
        return None, xmp.encode() if isinstance(xmp, str) else xmp, iptc, dpi


def targets(source):
    return ["tiff"] if "bands" in source else ["jpg", "png", "webp", "tiff"]


CASES = [(source, target) for source in SOURCES for target in targets(source)]


@pytest.mark.parametrize(("source", "target"), CASES)
def test_xmp_iptc_and_resolution_come_through_into_every_kind_of_file_that_holds_them(source, target):
    picture = read_picture(SOURCES[source])
    file = encoded(picture, target)
    _, xmp, iptc, dpi = blocks(file.data)
    assert "Café".encode() in xmp
    assert b'tiff:Orientation="1"' in xmp
    assert b'exif:PixelXDimension="48"' in xmp
    assert b"<tiff:ImageWidth>48</tiff:ImageWidth>" in xmp
    has_iptc = source.startswith(("jpeg", "tiff", "bigtiff"))
    assert iptc == (IPTC if has_iptc and target != "webp" else None)
    assert ("IPTC" in file.left_out) == (has_iptc and target == "webp")
    assert dpi == pytest.approx(
        (240, 240) if "webp" in (source, target) and "tiff" not in source else (300, 300), abs=0.01
    )


@pytest.mark.parametrize("target", ["jpg", "png", "webp"])
@pytest.mark.parametrize("source", ["jpeg", "jpeg, big endian", "png", "png, 16 bits", "webp"])
def test_exif_stays_at_its_byte_without_orientation_and_thumbnail_and_with_true_sizes(source, target):
    picture = read_picture(SOURCES[source])
    exif, *_ = blocks(encode(picture, target))
    first, own = exif_values(exif), exif_values(exif, 0x8769)
    assert (first[0x010F][2], first[0x8298][2], own[0x9003][2]) == (b"CAM\0", b"Me\0", b"2026:05:04 10:11:12\0")
    assert 0x0112 not in first
    assert exif_number(exif, 0x0100) == 48
    assert (exif_number(exif, 0xA002, 0x8769), exif_number(exif, 0xA003, 0x8769)) == (48, 32)
    assert exif_values(exif, 0x8825)[1][2] == b"N\0"
    assert exif_values(exif, 0x8769, 0xA005)[1][2] == b"R98\0"
    before = camera(">" if "big" in source else "<")[6:]
    assert exif.index(NOTES) == before.index(NOTES)  # what makers note may point into the block
    assert b"\xff\xd8" not in exif
    assert len(exif) <= len(before)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("bands", [1, 3, 5])
def test_a_camera_s_exif_stands_in_a_tiff_of_every_depth_and_any_bands_compressed(dtype, bands):
    picture = read_picture(SOURCES["jpeg"])
    pixels = np.dstack([RGB, RGB])[..., :bands]
    pixels = (pixels / 255).astype(np.float32) if dtype == np.float32 else pixels.astype(dtype)
    data = encode(dataclasses.replace(picture, pixels=pixels), "tiff")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert (page.tags.valueof(271), page.tags.valueof(33432)) == ("CAM", "Me")
        exif, gps = page.tags.valueof(34665), page.tags.valueof(34853)
        assert (exif["DateTimeOriginal"], exif["PixelXDimension"], exif["MakerNote"]) == (
            "2026:05:04 10:11:12",
            48,
            NOTES,
        )
        assert gps["GPSLatitude"] == (48, 1, 8, 1, 1, 1)
        np.testing.assert_array_equal(page.asarray().reshape(pixels.shape), pixels)
    again = read_picture(data)
    assert exif_values(again.exif, 0x8769)[0x9003][2] == b"2026:05:04 10:11:12\0"
    assert exif_values(again.exif, 0x8825)[1][2] == b"N\0"


@pytest.mark.parametrize("source", ["tiff", "tiff, 16 bits", "tiff, floats", "bigtiff"])
@pytest.mark.parametrize("target", ["jpg", "png", "webp", "tiff"])
def test_rights_and_title_of_every_tiff_come_through(source, target):
    data = encode(read_picture(SOURCES[source]), target)
    if target == "tiff":
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            assert file.pages.first.tags.valueof(33432) == "Me"
            assert bytes(file.pages.first.tags.valueof(40091)) == "abc".encode("utf-16-le")
        return
    first = exif_values(blocks(data)[0])
    assert (first[33432][2], first[40091][2]) == (b"Me\0", "abc".encode("utf-16-le"))


def test_texts_of_a_png_stay_in_a_png_and_a_comment_in_a_jpeg():
    assert (b"tEXt", b"Author\0Me") in png_chunks(encode(read_picture(SOURCES["png"]), "png"))
    file = encoded(read_picture(SOURCES["jpeg"]), "jpg")
    assert segment(file.data, 0xFE, b"") == b"hello"
    assert file.left_out == ()
    assert encoded(read_picture(SOURCES["png"]), "jpg").left_out == ("texts",)


def test_what_a_format_cannot_hold_is_named():
    picture = dataclasses.replace(
        read_picture(SOURCES["jpeg"]), pixels=RGB.astype(np.uint16), alpha=RGB[..., 0].astype(np.uint16)
    )
    assert encoded(picture, "jpg").left_out == ("16 bits", "alpha")
    assert encoded(picture, "bmp").left_out == ("16 bits", "EXIF", "XMP", "IPTC", "texts")
    assert encoded(picture, "tiff").left_out == ("texts",)


@pytest.mark.parametrize("kind", ["EXIF", "XMP", "IPTC"])
def test_damaged_and_overlong_blocks_are_left_out_and_named(kind):
    spoilt = {
        "EXIF": {"exif": b"Exif\0\0II*\0\xff\xff\0\0abc"},
        "XMP": {"xmp": b"no packet"},
        "IPTC": {"extra": iptc_segment(b"none")},
    }
    file = encoded(read_picture(jpeg(**spoilt[kind])), "jpg")
    assert file.left_out == (f"damaged {kind}",)
    long = {"EXIF": {"exif": camera() + bytes(70_000)}, "XMP": {"xmp": XMP + b"x" * 70_000}, "IPTC": {"iptc": IPTC}}[
        kind
    ]
    long_one = dataclasses.replace(read_picture(SOURCES["png"]), **long)
    assert encoded(long_one, "jpg").left_out == (() if kind == "IPTC" else (kind,)) + ("texts",)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_resolution_that_differs_across_and_down_turns_with_the_picture(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read_picture(jpeg(exif=exif.tobytes(), dpi=(300, 150)))
    assert blocks(encode(picture, "png"))[3] == pytest.approx((300, 150) if orientation == 1 else (150, 300), abs=0.02)


def test_the_resolution_of_a_bmp_is_kept():
    data = io.BytesIO()
    Image.fromarray(RGB).save(data, "BMP", dpi=(300, 300))
    assert struct.unpack_from("<ii", encode(read_picture(data.getvalue()), "bmp"), 38) == (11811, 11811)


def test_exif_that_says_no_resolution_makes_none():
    exif = Image.Exif()
    exif[271] = "CAM"
    assert read_picture(jpeg(exif=exif.tobytes(), dpi=(0, 0))).dpi is None


BROKEN = """
import io, sys, threading
from PIL import Image
from i2i.images.decode import read_header, read_picture
from i2i.images.encode import encode
def read(data):
    for _ in range(20):
        read_header(data)
        for name in ("jpg", "tiff"):
            encode(read_picture(data), name)
files = sys.stdin.buffer.read().split(b"--next--")
threads = [threading.Thread(target=read, args=(data,)) for data in files]
[each.start() for each in threads], [each.join() for each in threads]
import warnings
warnings.warn("of the user's own")
warnings.warn_explicit("of the user's own use of Pillow", UserWarning, "x.py", 1, module="PIL.Image")
"""


def test_broken_exif_says_nothing_in_others_words_and_other_warnings_stay():
    """Pillow warned in raw lines of its own that name no file; several threads read at once here."""
    short = bytearray(camera())
    short[6 + 4 : 6 + 8] = struct.pack("<I", 60)
    files = [jpeg(exif=exif) for exif in (b"Exif\0\0II*\0\xff\0\0\0abc", camera()[:200], bytes(short), camera()[:-40])]
    data = io.BytesIO()
    tifffile.imwrite(data, RGB, photometric="rgb", extratags=[(315, 5, 2, (1, 1, 2, 2), True)])
    ran = subprocess.run(
        [sys.executable, "-c", BROKEN],
        input=b"--next--".join([*files, data.getvalue()]),
        capture_output=True,
        timeout=60,
    )
    assert ran.returncode == 0
    assert ran.stderr.decode().count("Warning") == 2
    assert "of the user's own\n" in ran.stderr.decode()
    assert "of the user's own use of Pillow" in ran.stderr.decode()


@pytest.mark.parametrize("photoshop", [True, False])
def test_iptc_of_a_png_is_read_as_programs_write_it(photoshop):
    """Among Photoshop's resources, as ExifTool and ImageMagick do, or by itself."""
    other = b"8BIM\x03\xed\0\0\0\0\0\x03abc\0"
    block = other + iptc_segment()[18:] if photoshop else IPTC
    text = b"\niptc\n%8d\n" % len(block) + block.hex().encode() + b"\n"
    data = png_with(encode(Picture(RGB), "png"), (b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(text)))
    picture = read_picture(data)
    assert (picture.iptc, picture.left_out) == (IPTC, ())
    without = png_with(
        encode(Picture(RGB), "png"),
        (b"tEXt", b"Raw profile type iptc\0\niptc\n%8d\n" % len(other) + other.hex().encode()),
    )
    assert (read_picture(without).iptc, read_picture(without).left_out) == (None, ())


@pytest.mark.parametrize(
    ("head", "block", "field"), [(b"Exif\0\0", camera()[6:], "exif"), (b"http://ns.adobe.com/xap/1.0/\0", XMP, "xmp")]
)
def test_a_segment_of_a_jpeg_that_imagemagick_put_into_a_png_is_read(head, block, field):
    text = b"\ngeneric profile\n%8d\n" % len(head + block) + (head + block).hex().encode() + b"\n"
    data = png_with(encode(Picture(RGB), "png"), (b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(text)))
    found = getattr(read_picture(data), field)
    assert {"exif": b"CAM\0", "xmp": "Café".encode()}[field] in found


@pytest.mark.parametrize("depth", [8, 16])
def test_an_orientation_that_imagemagick_put_into_a_png_turns_it_in_every_depth(depth):
    exif = Image.Exif()
    exif[0x0112] = 6
    block = exif.tobytes()
    text = b"\nexif\n%8d\n" % len(block) + block.hex().encode() + b"\n"
    plain = encode(Picture(RGB if depth == 8 else RGB.astype(np.uint16) * 257), "png")
    data = png_with(plain, (b"tEXt", b"Raw profile type exif\0" + text))
    header, picture = read_header(data), read_picture(data)
    assert (header.height, header.width) == picture.pixels.shape[:2] == (48, 32)
    assert (picture.pixels // (257 if depth == 16 else 1) == np.rot90(RGB, -1)).all()
