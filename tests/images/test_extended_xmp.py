"""XMP of any length comes through a JPEG: what is longer than a segment stands in several, by Adobe's specification."""

import hashlib
import io
import json
import shutil
import struct
import subprocess
import xml.etree.ElementTree as ET
import zlib

import imagecodecs
import numpy as np
import pytest
from picture_files import jpeg_segments, png_with, segment
from PIL import Image

from i2i.images.decode import read_picture
from i2i.images.encode import encode, encoded
from i2i.images.image import Picture
from i2i.images.metadata import xmp_elements

RGB = np.zeros((16, 24, 3), np.uint8)
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
DC, PS, NOTE = (
    "{http://purl.org/dc/elements/1.1/}",
    "{http://ns.adobe.com/photoshop/1.0/}",
    "{http://ns.adobe.com/xmp/note/}",
)
FIRST, EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"


def packet(descriptions, prefix=b"rdf"):
    return (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<%(r)s:RDF xmlns:%(r)s="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">'
        % {b"r": prefix}
        + descriptions
        + b'</%s:RDF></x:xmpmeta>\n<?xpacket end="w"?>' % prefix
    )


LONG = packet(
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="it" photoshop:History="%s">'
    b"<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>Caf\xc3\xa9 &amp; more</rdf:li></rdf:Alt></dc:title>"
    b"<dc:subject><rdf:Bag>%s</rdf:Bag></dc:subject></rdf:Description>"
    b'<rdf:Description rdf:about="" photoshop:Credit="Me"/>'
    % (b"&lt;step&gt; " * 7000, b"".join(b"<rdf:li>word %d</rdf:li>" % n for n in range(4000)))
)
"""175 KB, with a long attribute and a long element."""


def said(*packets):
    """All properties of some packets, by an XML parser."""
    found = {}
    for each in packets:
        for description in ET.fromstring(each).iter(f"{RDF}Description"):
            found |= {name: value for name, value in description.attrib.items() if not name.startswith(RDF)}
            found |= {child.tag: "|".join(child.itertext()) for child in description}
    return found


def jpeg(*contents):
    """With these segments APP1."""
    data = io.BytesIO()
    extra = b"".join(b"\xff\xe1" + struct.pack(">H", len(each) + 2) + each for each in contents)
    Image.fromarray(RGB).save(data, "JPEG", extra=extra)
    return data.getvalue()


REST = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:d="http://purl'
    b'.org/dc/elements/1.1/"><r:Description r:about=""><d:source>%s</d:source></r:Description></r:RDF></x:xmpmeta>'
    % (b"far " * 40_000)
)
GUID = hashlib.md5(REST).hexdigest().upper().encode()
HEADED = packet(
    b'<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="%s"'
    b' photoshop:Credit="Me"/>' % GUID
)


def parts(rest=REST, guid=GUID, size=60_000):
    return [
        EXTENSION + struct.pack(">32sII", guid, len(rest), at) + rest[at : at + size]
        for at in range(0, len(rest), size)
    ]


OTHER = parts(b"of another picture", hashlib.md5(b"of another picture").hexdigest().upper().encode())


@pytest.mark.parametrize("target", ["jpg", "png", "webp", "tiff", "avif", "jxl"])
def test_parts_of_it_in_any_order_come_through_as_one_into_every_format_that_holds_xmp(target):
    before = [*parts()[::-1], FIRST + HEADED, *OTHER]
    file = encoded(read_picture(jpeg(*before)), target)
    assert file.left_out == ()
    again = read_picture(file.data)
    assert said(again.xmp) == {f"{PS}Credit": "Me", f"{DC}source": "far " * 40_000}
    assert b"HasExtendedXMP" not in again.xmp


SPOILT = {
    "a part is missing": [FIRST + HEADED, *parts()[:1], *parts()[2:]],
    "the last part is missing": [FIRST + HEADED, *parts()[:-1]],
    "a byte is another": [FIRST + HEADED, *(part.replace(b"far far", b"far fax", 1) for part in parts())],
    "it is another picture's": [FIRST + HEADED, *OTHER],
    "nothing names it": [FIRST + packet(b'<rdf:Description rdf:about="" photoshop:Credit="Me"/>'), *parts()],
    "its lengths differ": [FIRST + HEADED, *(part[:67] + struct.pack(">I", n) + part[71:] for n, part in enumerate(parts()))],
    "it is no XML": [FIRST + HEADED.replace(GUID, hashlib.md5(b"<x").hexdigest().encode()), *parts(b"<x", hashlib.md5(b"<x").hexdigest().encode())],
    "a part is cut": [FIRST + HEADED, EXTENSION + b"short"],
}  # fmt: skip


@pytest.mark.parametrize("how", SPOILT)
def test_a_rest_that_is_not_whole_is_named_and_costs_neither_the_first_packet_nor_the_picture(how):
    picture = read_picture(jpeg(*SPOILT[how]))
    assert picture.left_out == ("extended XMP",)
    assert said(picture.xmp) == {f"{PS}Credit": "Me"}
    assert picture.pixels.shape == RGB.shape


def test_long_xmp_is_written_by_the_specification_and_says_the_same_as_before():
    file = encoded(Picture(RGB, xmp=LONG), "jpg")
    assert file.left_out == ()
    first = segment(file.data, 0xE1, FIRST)
    contents = [content[len(EXTENSION) :] for _, content in jpeg_segments(file.data) if content.startswith(EXTENSION)]
    rest = b"".join(content[40:] for content in contents)
    guid = hashlib.md5(rest).hexdigest().upper()
    assert {content[:32].decode() for content in contents} == {guid}
    places = [int.from_bytes(content[36:40], "big") for content in contents]
    assert places == [sum(len(before) - 40 for before in contents[:n]) for n in range(len(contents))]
    assert {int.from_bytes(content[32:36], "big") for content in contents} == {len(rest)}
    found = said(first, rest)
    assert found.pop(f"{NOTE}HasExtendedXMP") == guid
    assert found == said(LONG)
    assert said(read_picture(file.data).xmp) == said(LONG)


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_a_photographer_s_tool_finds_all_of_it(tmp_path):
    (tmp_path / "x.jpg").write_bytes(encode(Picture(RGB, xmp=LONG), "jpg"))
    asked = ["exiftool", "-json", "-m", "-XMP-dc:all", "-XMP-photoshop:all", "-warning", tmp_path / "x.jpg"]
    (found,) = json.loads(subprocess.run(asked, capture_output=True, timeout=30).stdout)
    assert (found["Title"], found["Source"], found["Credit"]) == ("Café & more", "it", "Me")
    assert found["Subject"] == [f"word {n}" for n in range(4000)]
    assert found["History"].count("<step>") == 7000
    assert "Warning" not in found


def test_room_that_a_packet_leaves_goes_before_anything_is_split():
    padded = (
        LONG[: LONG.index(b"<dc:subject>")].replace(b"&lt;step&gt; " * 7000, b"")
        + b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    file = encoded(Picture(RGB, xmp=padded + b" " * 80_000 + b'<?xpacket end="w"?>'), "jpg")
    assert (file.left_out, file.data.count(EXTENSION)) == ((), 0)


def test_what_cannot_be_split_is_named():
    assert encoded(Picture(RGB, xmp=b"<x>:RDF" + b" " * 70_000), "jpg").left_out == ("XMP",)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("packed", [False, True])
def test_a_png_holds_xmp_of_up_to_7_mb_whatever_its_language_and_packing(dtype, packed):
    """Pillow unpacks 1 MB of a text, and libpng takes 8 of a chunk."""
    plain = imagecodecs.png_encode(np.zeros((8, 9, 3), dtype))
    for size, is_kept in ((6 << 20, True), (8 << 20, False)):
        xmp = LONG.replace(b'"it"', b'"%s"' % (b"a" * size))
        text = b"XML:com.adobe.xmp\0%c\0en\0tr\0" % packed + (zlib.compress(xmp, 1) if packed else xmp)
        picture = read_picture(png_with(plain, (b"iTXt", text)))
        assert (picture.xmp == xmp, picture.left_out) == ((True, ()) if is_kept else (False, ("XMP",)))
        assert encoded(Picture(RGB, xmp=xmp), "png").left_out == (() if is_kept else ("XMP",))
        if is_kept:
            assert read_picture(encode(picture, "png")).xmp == xmp


PARTED = packet(
    b'<rdf:Description rdf:about="" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:hdrgm="http://ns.adobe.com'
    b'/hdr-gain-map/1.0/" xmlns:C="http://ns.google.com/photos/1.0/container/" xmlns:I="http://ns.google.com/photos/1.0/cont'
    b'ainer/item/" GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="4" GCamera:BurstID="b" hdrgm:Version="1.0" photoshop:Credit'
    b'="Me"><C:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><C:Item I:Mime="image/jpeg" I:Semantic="Primary"/></rdf:li>'
    b'<rdf:li rdf:parseType="Resource"><C:Item I:Semantic="GainMap" I:Length="9"/></rdf:li></rdf:Seq></C:Directory>'
    b"</rdf:Description>"
)


def test_parts_of_a_file_that_are_not_carried_are_named_and_xmp_says_no_more_of_them():
    """Of a phone's motion photograph with a gain map, which other programs would look for behind the picture."""
    picture = read_picture(jpeg(FIRST + PARTED))
    assert picture.left_out == ("film of a motion photograph", "gain map (HDR)")
    assert said(picture.xmp) == {
        f"{PS}Credit": "Me",
        "{http://ns.google.com/photos/1.0/camera/}BurstID": "b",
    }


NAMES = b"".join(b' xmlns:n%d="urn:%d"' % (n, n) for n in range(499))
BOMBS = {
    "elements": packet(b"<rdf:a/>" * 4000),
    "depth": packet(b"<rdf:a>" * 200 + b"</rdf:a>" * 200),
    "namespaces": packet(b"<rdf:a" + b"".join(b' xmlns:n%d="urn:%d"' % (n, n) for n in range(600)) + b"/>"),
    "entities": b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + packet(b"<rdf:a>&a;</rdf:a>"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_xmp_that_would_grow_beyond_all_measure_is_refused_at_once(kind, monkeypatch):
    monkeypatch.setattr(xmp_elements, "MOST_ELEMENTS", 1000)
    with pytest.raises(ValueError, match=r"more .* than any picture has|no document type"):
        xmp_elements.elements(BOMBS[kind])


def test_namespaces_are_not_multiplied_beyond_measure_where_parts_are_joined():
    rest = packet(b'<rdf:Description rdf:about=""/>' * 10_000).replace(b"<rdf:RDF", b"<rdf:RDF" + NAMES)
    guid = hashlib.md5(rest).hexdigest().upper().encode()
    picture = read_picture(jpeg(FIRST + HEADED.replace(GUID, guid), *parts(rest, guid)))
    assert (said(picture.xmp), picture.left_out) == ({f"{PS}Credit": "Me"}, ("extended XMP",))


def test_a_packet_of_unclosed_tags_takes_no_longer_than_its_length():
    """Each was searched to the end: minutes for 2 MB, which a PNG holds in a KB or two."""
    xmp = b"<rdf:RDF>" + b"<tiff:Orientation <tiff:ImageWidth <exif:PixelXDimension " * 40_000
    plain = imagecodecs.png_encode(RGB)
    picture = read_picture(png_with(plain, (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp))))
    assert read_picture(encode(picture, "png")).xmp == xmp
