"""Animations and books of pages are converted frame by frame, with their timing."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from i2i.errors import PictureTooLargeError, SeveralFramesError
from i2i.images.decode import read_picture
from i2i.images.find import find_pictures
from i2i.images.frames import read_frames

COLOURS = [(250, 10, 10), (10, 250, 10), (10, 10, 250)]
DURATIONS = [100, 300, 50]


def frames(mode="RGB"):
    return [Image.new(mode, (24, 16), colour + (255,) * (mode == "RGBA")) for colour in COLOURS]


def animated(path, kind, mode="RGB", **options):
    first, *others = frames(mode)
    first.save(path, kind, save_all=True, append_images=others, duration=DURATIONS, **options)


@pytest.fixture
def convert(i2i, make_model, tmp_path):
    def run(name, *words):
        status, out, err = i2i(
            "convert", make_model("invert"), tmp_path / name, tmp_path / "out", "--device", "cpu", *words
        )
        return status, " ".join((out + err).split())

    return run


def shown(path):
    """(colours in the middle, durations, Pillow's info) of a file's frames."""
    with Image.open(path) as image:
        colours, durations = [], []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            colours.append(image.convert("RGB").getpixel((12, 8)))
            durations.append(round(image.info.get("duration", 0)))
        return np.array(colours), durations, dict(image.info)


@pytest.mark.parametrize(
    ("kind", "source", "target", "words"),
    [
        ("GIF", "x.gif", "x.png", ()),
        ("PNG", "x.png", "x.png", ()),
        ("WEBP", "x.webp", "x.webp", ("--quality", 100)),
        ("AVIF", "x.avif", "x.avif", ()),
        ("GIF", "x.gif", "x.webp", ("--format", "webp", "--quality", 100)),
        ("WEBP", "x.webp", "x.avif", ("--format", "avif")),
    ],
)
def test_an_animation_is_converted_with_its_timing(kind, source, target, words, convert, tmp_path):
    options = {"loop": 2} if kind != "AVIF" else {"quality": 100, "subsampling": "4:4:4"}
    animated(tmp_path / source, kind, **({"lossless": True} if kind == "WEBP" else {}), **options)
    status, said = convert(source, *words)
    assert status == 0, said
    colours, durations, info = shown(tmp_path / "out" / target)
    assert durations == DURATIONS
    assert np.abs(colours - (255 - np.array(COLOURS))).max() <= (8 if "avif" in source + target else 2)
    if not target.endswith("avif"):
        assert info["loop"] == (3 if kind == "GIF" else 2)  # a GIF counts the times after the first


def test_a_see_through_animation_stays_so(convert, tmp_path):
    clear = [Image.new("RGBA", (24, 16), (*colour, 255)) for colour in COLOURS]
    for image in clear:
        image.paste((0, 0, 0, 0), (0, 0, 8, 16))
    clear[0].save(tmp_path / "x.png", save_all=True, append_images=clear[1:], duration=DURATIONS)
    status, said = convert("x.png")
    assert status == 0, said
    with Image.open(tmp_path / "out" / "x.png") as image:
        for number in range(3):
            image.seek(number)
            assert [image.convert("RGBA").getpixel((x, 8))[3] for x in (2, 12)] == [0, 255]


def test_a_still_picture_beside_the_frames_is_none_of_them(convert, tmp_path):
    still = Image.new("RGB", (24, 16), "white")
    still.save(tmp_path / "x.png", save_all=True, append_images=frames(), duration=DURATIONS, default_image=True)
    status, said = convert("x.png", "--format", "webp", "--quality", 100)
    assert status == 0, said
    colours, durations, _ = shown(tmp_path / "out" / "x.webp")
    assert durations == DURATIONS
    assert np.abs(colours - (255 - np.array(COLOURS))).max() <= 2


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_the_pages_of_a_tiff_stay_pages_of_their_sizes_and_depth(depth, convert, tmp_path):
    rng = np.random.default_rng(0)
    pages = [rng.integers(0, np.iinfo(depth).max + 1, (16 + 4 * n, 24, 3)).astype(depth) for n in range(3)]
    with tifffile.TiffWriter(tmp_path / "x.tif") as tiff:
        for page in pages:
            tiff.write(page, photometric="rgb", metadata=None)
            tiff.write(page[::4, ::4].copy(), photometric="rgb", metadata=None, subfiletype=1)  # a thumbnail
    status, said = convert("x.tif")
    assert status == 0, said
    with tifffile.TiffFile(tmp_path / "out" / "x.tif") as tiff:
        found = [page.asarray() for page in tiff.pages]
    assert [page.shape for page in found] == [page.shape for page in pages]
    for page, whole in zip(found, pages, strict=True):
        assert page.dtype == depth
        assert np.abs(page.astype(int) + whole - np.iinfo(depth).max).max() <= 1


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        (
            "x.gif",
            ("--format", "jpg"),
            "x.gif holds 3 frames, which jpg cannot hold. Use --format png, webp, tiff or avif.",
        ),
        ("x.tif", ("--format", "png"), "x.tif holds 3 pages, which png cannot hold. Use --format tiff."),
    ],
)
def test_a_format_that_holds_no_frames_is_refused_and_the_rest_is_done(name, words, said, convert, tmp_path):
    (tmp_path / "in").mkdir()
    first, *others = frames()
    first.save(tmp_path / "in" / name, save_all=True, append_images=others)
    first.save(tmp_path / "in" / "y.png")
    status, told = convert("in", *words)
    assert status == 1
    assert said in told
    assert len(find_pictures(tmp_path / "out")) == 1


def test_frames_are_limited_by_their_pixels_together(tmp_path):
    animated(tmp_path / "x.gif", "GIF")
    assert read_frames(tmp_path / "x.gif", 3 * 24 * 16).count == 3
    with pytest.raises(PictureTooLargeError, match="has 3 frames of"):
        read_frames(tmp_path / "x.gif", 3 * 24 * 16 - 1)
    with pytest.raises(SeveralFramesError, match="holds 3 frames; i2i reads single pictures"):
        read_picture(tmp_path / "x.gif")


def test_an_animation_that_is_cut_short_fails_alone(convert, tmp_path):
    (tmp_path / "in").mkdir()
    buffer = io.BytesIO()
    first, *others = [Image.effect_noise((24, 16), 90).convert("RGB") for _ in range(3)]
    first.save(buffer, "PNG", save_all=True, append_images=others, duration=DURATIONS)
    (tmp_path / "in" / "x.png").write_bytes(buffer.getvalue()[:-300])
    first.save(tmp_path / "in" / "y.png")
    status, said = convert("in")
    assert status == 1
    assert "damaged or cut short" in said
    assert [path.name for path in find_pictures(tmp_path / "out")] == ["y.png"]
