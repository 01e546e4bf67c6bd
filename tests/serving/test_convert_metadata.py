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
from i2i.images.image import Picture
from i2i.images.metadata.policy import kept
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


PLACED = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:ps="http://ns.adobe.com/photoshop/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 ps:City="Paris" ps:Credit="Me" Iptc4xmpCore:CountryCode='FRA Paris'>
<ps:State>Paris &gt; 7e</ps:State><ps:Country>Paris, France</ps:Country><Iptc4xmpCore:Location>Paris, Eiffel</Iptc4xmpCore:Location>
<Iptc4xmpCore:CreatorContactInfo rdf:parseType="Resource"><Iptc4xmpCore:CiAdrCity>Lyon</Iptc4xmpCore:CiAdrCity></Iptc4xmpCore:CreatorContactInfo>
<Iptc4xmpExt:LocationCreated><rdf:Bag><rdf:li rdf:parseType="Resource"><Iptc4xmpExt:City>Paris</Iptc4xmpExt:City></rdf:li></rdf:Bag></Iptc4xmpExt:LocationCreated>
<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li><rdf:Description Iptc4xmpExt:City="Paris"/></rdf:li></rdf:Bag></Iptc4xmpExt:LocationShown>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">A tower</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"""
NAMED = {
    90: b"Paris",
    92: b"Eiffel, Paris",
    95: b"Paris",
    100: b"Paris",
    101: b"Paris",
    26: b"Paris",
    27: b"Paris",
    5: b"Title",
    80: b"Me",
}
IPTC = b"".join(
    b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(value)) + value for number, value in NAMED.items()
)


@pytest.mark.parametrize("format", ["jpg", "png", "tiff", "webp", "jxl"])
def test_strip_gps_takes_the_names_of_the_place_and_makers_notes_and_says_so(format, make_model, tmp_path):
    exif = Image.Exif()
    exif[271], exif[0xC634] = "CAM", b"Adobe, Paris"
    exif.get_ifd(0x8769).update({0x927C: b"Panasonic\0 Paris, tour Eiffel", 0x9003: "2026:05:04 10:11:12"})
    exif.get_ifd(0x8825).update({1: "N", 29: "2026:05:04"})
    body = b"Photoshop 3.0\0" + struct.pack(">4sHHI", b"8BIM", 0x0404, 0, len(IPTC)) + IPTC + bytes(len(IPTC) % 2)
    (tmp_path / "in").mkdir()
    Image.new("RGB", (24, 16)).save(
        tmp_path / "in/a.jpg", exif=exif, xmp=PLACED, extra=b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
    )
    engine, report = Engine(make_model(), device="cpu"), tmp_path / "report.jsonl"
    given = {"format": format, "report": report}
    untouched = convert_folder(engine, tmp_path / "in", tmp_path / "keep", **given)
    assert not any("makers" in note for note in untouched.notes)
    assert b"Paris" in next((tmp_path / "keep").glob("a.*")).read_bytes()
    done = convert_folder(engine, tmp_path / "in", tmp_path / "out", metadata="strip-gps", **given)
    data = next((tmp_path / "out").glob("a.*")).read_bytes()
    assert b"Paris" not in data
    assert b"Eiffel" not in data
    again = read_picture(data)
    assert all(each in again.xmp for each in (b'ps:Credit="Me"', b"Lyon", b"A tower"))
    assert exif_values(again.exif, 0x8769)[0x9003][2] == b"2026:05:04 10:11:12\0"
    if format in ("jpg", "png", "tiff"):
        assert again.iptc == b"\x1c\x02\x05\0\x05Title\x1c\x02\x50\0\x02Me"
    assert "makers' notes" in report_of(report)[1][0]["left_out"]
    assert "Left out, as a place may stand in them: makers' notes (1)." in done.notes


@pytest.mark.parametrize("damaged", ["EXIF", "XMP", "IPTC"])
def test_where_strip_gps_cannot_find_the_place_all_of_it_goes_and_is_named(damaged):
    whole = {
        "exif": b"Exif\0\0" + struct.pack("<2sHIHHHI4sI", b"II", 42, 8, 1, 271, 2, 4, b"CAM\0", 0),
        "xmp": PLACED,
        "iptc": IPTC,
    }
    cut = whole | {damaged.lower(): whole[damaged.lower()][:-20]}
    picture = kept(Picture(np.zeros((4, 5, 3), np.uint8), **cut), "strip-gps")
    assert picture.left_out == (f"damaged {damaged}",)
    assert [word for word in ("exif", "xmp", "iptc") if getattr(picture, word) is None] == [damaged.lower()]


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


def test_the_report_tells_of_each_enlarged_picture_the_resolution_that_it_has_now(make_model, tmp_path):
    (tmp_path / "in").mkdir()
    for name, dpi in (("a.jpg", (300, 300)), ("b.png", (300, 150)), ("c.jpg", None)):
        Image.new("RGB", (24, 16)).save(tmp_path / "in" / name, **({"dpi": dpi} if dpi else {}))
    found = {}
    for kind, scale in (("enlarge", 2), ("invert", 1)):
        engine = Engine(make_model(kind, scale=scale), device="cpu")
        report = tmp_path / f"{kind}.jsonl"
        done = convert_folder(engine, tmp_path / "in", tmp_path / kind, format="jpg", report=report)
        found[kind] = ([line.get("dpi") for line in report_of(report)[1]], done.notes)
    assert found["invert"] == ([None, None, None], ())
    (first, second, none), notes = found["enlarge"]
    assert (first, none) == ([600, 600], None)
    assert second == pytest.approx([600, 300], abs=0.1)
    assert notes == ("The resolution of 2 was multiplied by 2, so that prints keep their size in inches.",)
    with Image.open(tmp_path / "enlarge/b.jpg") as image:
        assert image.info["dpi"] == (600, 300)
