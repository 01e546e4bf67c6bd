"""`i2i convert --metadata`: what goes along into a translation."""

import hashlib
import io
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from conversions import report_of
from picture_files import exif_values, jpeg_segments, png_chunks, segment
from PIL import Image, ImageCms

from i2i import __version__ as i2i_version
from i2i.images.decode import read_picture
from i2i.serving import Engine, convert_folder

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
    b' xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" xmlns:xmp="http://ns'
    b'.adobe.com/xap/1.0/" xmp:Rating="4" exif:GPSLatitude="48,8.5N" drone-dji:GpsLongitude="2.35"><exif:GPSLongitude>2,21E'
    b"</exif:GPSLongitude></rdf:Description></rdf:RDF></x:xmpmeta>"
)
LATITUDE = (48.0, 8.0, 31.0)


@pytest.fixture
def folder(tmp_path):
    exif = Image.Exif()
    exif[271] = "CAM"
    exif.get_ifd(0x8825).update({1: "N", 2: LATITUDE})
    (tmp_path / "in").mkdir()
    image = Image.new("RGB", (24, 16), (200, 100, 50))
    image.save(
        tmp_path / "in" / "a.jpg", exif=exif.tobytes(), xmp=XMP, icc_profile=PROFILE, comment=b"hello", dpi=(300, 300)
    )
    image.save(tmp_path / "in" / "b.png", exif=exif.tobytes(), icc_profile=PROFILE, dpi=(300, 300))
    image.save(tmp_path / "in" / "c.tif", exif=exif, icc_profile=PROFILE)
    return tmp_path


@pytest.fixture
def convert(i2i, folder, make_model):
    def run(*options):
        status, _, err = i2i(
            "convert", make_model("invert"), folder / "in", folder / "out", "--device", "cpu", *options
        )
        assert status == 0, err
        return [(folder / "out" / name).read_bytes() for name in ("a.jpg", "b.png", "c.tif")]

    return run


def test_all_of_it_goes_along_unless_said_otherwise(convert):
    jpg, png, _ = convert()
    assert 0x8825 in exif_values(segment(jpg, 0xE1, b"Exif\0\0"))
    assert b"GPSLatitude" in segment(jpg, 0xE1, b"http://ns.adobe.com/xap/1.0/\0")
    assert {b"eXIf", b"iCCP", b"pHYs"} <= {kind for kind, _ in png_chunks(png)}


def test_how_a_picture_was_made_stands_in_it_beside_the_camera_s_own_software(convert, folder):
    jpg, png, tif = convert()
    digest = hashlib.sha256(next(folder.rglob("*.onnx")).read_bytes()).hexdigest()
    exif = [segment(jpg, 0xE1, b"Exif\0\0"), dict(png_chunks(png))[b"eXIf"]]
    said = [exif_values(block)[11][2].rstrip(b"\0").decode() for block in exif]
    with tifffile.TiffFile(io.BytesIO(tif)) as file:
        said.append(file.pages.first.tags.valueof(11))
    for note in said:
        assert note.startswith(f"i2i {i2i_version}, ")
        assert note.endswith(f"sha256 {digest[:12]}")
    assert exif_values(exif[0])[271][2] == b"CAM\0"


def test_strip_leaves_the_profile_alone(convert):
    jpg, png, tif = convert("--metadata", "strip")
    assert [marker for marker, _ in jpeg_segments(jpg) if 0xE1 <= marker <= 0xFE] == [0xE2]
    assert {kind for kind, _ in png_chunks(png)} == {b"IHDR", b"iCCP", b"IDAT", b"IEND"}
    with tifffile.TiffFile(io.BytesIO(tif)) as file:
        assert not {271, 700, 33723, 34665, 34853} & {tag.code for tag in file.pages.first.tags}
        assert 34675 in {tag.code for tag in file.pages.first.tags}


def test_strip_gps_leaves_no_byte_of_the_place(convert):
    jpg, png, tif = convert("--metadata", "strip-gps")
    place = b"".join(struct.pack("<II", int(each), 1) for each in LATITUDE)
    for data in (jpg, png, tif):
        assert place not in data
        assert b"GPS" not in data.upper()
        assert read_picture(data).exif is not None
    packet = segment(jpg, 0xE1, b"http://ns.adobe.com/xap/1.0/\0")
    assert b'xmp:Rating="4"' in packet
    exif = exif_values(segment(jpg, 0xE1, b"Exif\0\0"))
    assert (exif[271][2], 0x8825 in exif) == (b"CAM\0", False)


def test_another_word_is_refused_with_the_choices(i2i, folder, make_model):
    status, _, err = i2i("convert", make_model("invert"), folder / "in", folder / "out", "--metadata", "stirp")
    assert status == 2
    assert "Did you mean 'strip'? Known: keep, strip, strip-gps" in " ".join(err.split())
    assert not (folder / "out").exists()


def test_the_report_and_the_summary_name_what_a_format_cannot_hold(make_model, tmp_path):
    """16 bits and alpha in a JPEG; a PNG holds both."""
    (tmp_path / "in").mkdir()
    deep = np.zeros((8, 9, 4), np.uint16)
    (tmp_path / "in/a.png").write_bytes(imagecodecs.png_encode(deep))
    engine, found = Engine(make_model(), device="cpu"), {}
    for name in ("jpg", "png"):
        report = convert_folder(
            engine, tmp_path / "in", tmp_path / name, format=name, report=tmp_path / f"{name}.jsonl"
        )
        (line,) = report_of(tmp_path / f"{name}.jsonl")[1]
        found[name] = (line.get("left_out"), report.notes)
    assert found["png"] == (None, ())
    assert set(found["jpg"][0]) == {"16 bits", "alpha"}
    assert found["jpg"][1] == ("Left out, as the written files cannot hold it: 16 bits (1); alpha (1).",)
