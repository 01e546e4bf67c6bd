"""The table of docs/pictures.md that says what each format keeps, walked through: every mode, every depth, every block."""

import shutil
import struct
import subprocess
import zlib

import imagecodecs
import numpy as np
import pytest
from markdown import ROOT, table
from picture_files import png_chunks

from i2i.images.encode import encoded
from i2i.images.formats import FORMATS, written
from i2i.images.image import Picture

RGB = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
ALPHA = RGB[..., 0]
TIFF = struct.pack("<2sHIHHHI4sI", b"II", 42, 8, 1, 271, 2, 4, b"CAM\0", 0)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="the-source"/></rdf:RDF></x:xmpmeta>'
ADOBE = imagecodecs.cms_profile("adobergb")
ROWS = {row["kept in"]: row for row in table(ROOT / "docs" / "pictures.md", "kept in")}
WITH = {
    "16 bits": {"pixels": RGB.astype(np.uint16) * 257},
    "floats": {"pixels": (RGB / 255).astype(np.float32)},
    "alpha": {"alpha": ALPHA},
    "colour profile": {"icc": ADOBE},
    "EXIF": {"exif": b"Exif\0\0" + TIFF},
    "XMP": {"xmp": XMP},
    "IPTC": {"iptc": b"\x1c\x02\x19\x00\x07keyword"},
    "resolution": {"dpi": (300.0, 300.0)},
    "texts": {"texts": (("Comment", "the-comment"), ("Author", "Me"))},
}
BYTES = {
    "colour profile": ADOBE[128:],
    "EXIF": b"CAM\0",
    "XMP": b"the-source",
    "IPTC": b"keyword",
    "texts": b"the-comment",
}
"""What stands in a file that has it, whatever its format; that of a PNG's profile and IPTC is unpacked first."""


def unpacked(data):
    if not data.startswith(b"\x89PNG"):
        return data
    packed = [content for kind, content in png_chunks(data) if kind in (b"iCCP", b"zTXt")]
    texts = [zlib.decompress(content.partition(b"\0")[2][1:]) for content in packed]
    digits = [b"".join(text.split(b"\n")[3:]) for text in texts if text.startswith(b"\niptc\n")]
    return data + b"".join([*texts, *(bytes.fromhex(each.decode()) for each in digits)])


def test_the_table_has_a_column_for_every_format_that_is_written_and_a_row_for_all_that_is_kept():
    assert set(ROWS) == set(WITH)
    assert all(set(row) == {"kept in", *written()} for row in ROWS.values())


@pytest.mark.parametrize("name", written())
@pytest.mark.parametrize("what", WITH)
def test_a_cell_says_whether_it_is_kept_or_left_out_and_named(what, name):
    said = ROWS[what][name]
    file = encoded(Picture(**{"pixels": RGB, **WITH[what]}), name, 100)
    assert (what in file.left_out) == (said in ("no", "the comment"))  # of several texts the others are left out
    if what in BYTES:
        assert (BYTES[what] in unpacked(file.data)) == (said != "no")
    if what in ("16 bits", "floats"):
        assert ({"16 bits": 16, "floats": 32}[what] in FORMATS[name].depths) == (said == "yes")


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("name", written())
def test_a_photographer_s_tool_finds_what_the_table_says(name, tmp_path):
    everything = {key: value for each in WITH.values() for key, value in each.items()} | {"pixels": RGB, "alpha": None}
    path = tmp_path / f"x{FORMATS[name].suffixes[0]}"
    path.write_bytes(encoded(Picture(**everything), name, 95).data)
    found = subprocess.run(["exiftool", "-a", "-G1", "-s", path], capture_output=True, text=True, timeout=30).stdout
    marks = {
        "colour profile": "[ICC",
        "EXIF": "[IFD0]          Make",
        "XMP": "[XMP-dc]        Source",
        "IPTC": "[IPTC]          Keywords",
    }
    for what, mark in marks.items():
        if (what, name) != ("colour profile", "avif"):  # of which exiftool 12 shows the kind alone
            assert (mark in found) == (ROWS[what][name] != "no"), what
