"""A folder converts into the same folder of translations, whatever its pictures are, and nothing is lost."""

from __future__ import annotations

import errno
import io
import threading
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from conversions import report_of, results_in
from PIL import Image, ImageCms

from i2i.errors import ConfigError, PictureError, RequestError, StorageError, UnknownNameError
from i2i.files import write_whole
from i2i.images.decode import read_picture
from i2i.images.encode import encode
from i2i.images.find import find_pictures
from i2i.images.image import Picture
from i2i.serving.conversion import claim, making
from i2i.serving.conversion.convert import convert_folder
from i2i.serving.inference import planes
from i2i.serving.inference.engine import Engine


@pytest.fixture
def engine(make_model) -> Engine:
    """1 - x, so that each result is known."""
    return Engine(make_model(), device="cpu")


def pixels(seed: int, *shape: int, dtype: type = np.uint8) -> np.ndarray:
    """Smooth, so that lossy formats stay near; each seed is another picture."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (3, 4, shape[2] if len(shape) > 2 else 1), dtype=np.uint8)
    bands = [Image.fromarray(small[..., b]).resize(shape[1::-1]) for b in range(small.shape[2])]
    array = np.dstack([np.asarray(band) for band in bands]).astype(dtype)
    array = array * 257 if dtype == np.uint16 else array
    return array if len(shape) > 2 else array[..., 0]


def write_kind(kind: str, path: Path, seed: int) -> Path:
    """One source picture of a kind; gives the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = (20 + seed % 13, 30 + seed % 7)
    match kind:
        case "jpeg":
            Image.fromarray(pixels(seed, *size, 3)).save(path, quality=95)
        case "rotated":
            exif = Image.Exif()
            exif[0x0112] = 6
            exif[0x010F] = "Camera"
            Image.fromarray(pixels(seed, *size, 3)).save(path, quality=95, exif=exif)
        case "alpha":
            seen = np.maximum(pixels(seed, *size, 4), [0, 0, 0, 1]).astype(np.uint8)  # what is hidden may change
            Image.fromarray(seen).save(path)
        case "deep":
            Image.fromarray(pixels(seed, *size, dtype=np.uint16)).save(path)
        case "grey":
            Image.fromarray(pixels(seed, *size)).save(path)
        case "webp":
            Image.fromarray(pixels(seed, *size, 3)).save(path, lossless=True)
    return path


KINDS = {"jpeg": ".jpg", "alpha": ".png", "deep": ".png", "grey": ".tif", "webp": ".webp", "rotated": ".JPG"}


def make_tree(root: Path) -> dict[str, tuple[str, int]]:
    """200 files of every kind: relative name -> (kind, seed); two of them broken, and beside them no pictures."""
    written: dict[str, tuple[str, int]] = {}
    folders = ["", "a/deep/er", "日本語/写真", "emoji 🎨", "a"]
    for seed in range(198):
        kind = list(KINDS)[seed % len(KINDS)]
        stem = "same" if seed in (6, 7 * 6) else f"写真-{seed}" if seed % 5 == 0 else f"🏠 {seed}"
        name = str(Path(folders[seed % len(folders)]) / f"{stem}{KINDS[kind]}")
        write_kind(kind, root / name, seed)
        written[name] = (kind, seed)
    whole = (root / write_kind("jpeg", root / "a/cut short.jpg", 1)).read_bytes()
    (root / "a/cut short.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "text.jpg").write_text("I am no picture.\n")
    (root / "notes.txt").write_text("left alone")
    (root / ".hidden.png").write_bytes(b"")
    assert sum("same" in name for name in written) == 2
    return written


def expected(source: Path) -> Picture:
    picture = read_picture(source)
    shown = picture.pixels if picture.pixels.shape[2] == 3 else picture.pixels.repeat(3, 2)
    return Picture(np.iinfo(shown.dtype).max - shown, picture.alpha)


def test_two_hundred_mixed_files_convert_and_the_two_broken_ones_are_listed(engine, tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    sources = make_tree(source)
    seen = []
    report = convert_folder(engine, source, target, progress=lambda *step: seen.append(step))

    assert report.status == 1
    assert report.counts == {"written": 198, "failed": 2}
    failed = {f.source.relative_to(source).as_posix(): f.error for f in report.files if f.status == "failed"}
    assert set(failed) == {"a/cut short.jpg", "text.jpg"}
    assert "damaged or cut short" in failed["a/cut short.jpg"]
    assert "not a JPEG" in failed["text.jpg"]
    assert report.others == 2
    assert [step[:2] for step in seen] == [(n, 200) for n in range(1, 201)]

    assert [p.relative_to(target).as_posix() for p in results_in(target)] == sorted(sources)
    for name, (kind, seed) in sources.items():
        wanted, got = expected(source / name), read_picture(target / name)
        assert got.pixels.shape == wanted.pixels.shape, name
        if kind == "deep":
            assert Image.open(target / name).size == (30 + seed % 7, 20 + seed % 13)
            assert (target / name).read_bytes()[24] == 16  # bits a channel, in the PNG header
        else:
            near = {"alpha": 0, "grey": 0, "webp": 24}.get(kind, 12)
            assert np.abs(got.pixels.astype(int) - wanted.pixels).max() <= near, name
        if kind == "alpha":
            np.testing.assert_array_equal(got.alpha, wanted.alpha)
        if kind == "rotated":
            with Image.open(target / name) as image:
                assert 0x0112 not in image.getexif()
                assert image.getexif()[0x010F] == "Camera"
                assert image.size == (20 + seed % 13, 30 + seed % 7)  # upright

    before = {p: p.stat().st_mtime_ns for p in results_in(target)}
    again = convert_folder(engine, source, target)
    assert again.counts == {"skipped": 198, "failed": 2}
    assert {p: p.stat().st_mtime_ns for p in results_in(target)} == before


def test_the_report_has_the_keys_that_scripts_rely_on(engine, tmp_path):
    write_kind("jpeg", tmp_path / "in/b 🎨.jpg", 1)
    (tmp_path / "in/a.png").write_bytes(b"")
    convert_folder(engine, tmp_path / "in", tmp_path / "out", report=tmp_path / "report.jsonl")
    first, files, last = report_of(tmp_path / "report.jsonl")
    assert list(first) == ["report", "i2i", "model", "provider", "how", "files"]
    assert (first["files"], first["how"]["model"]) == (2, sha256(engine.path.read_bytes()).hexdigest())
    assert list(last) == ["written", "skipped", "failed", "provider", "seconds", "left_alone", "notes"]
    assert (last["written"], last["skipped"], last["failed"], last["provider"]) == (1, 0, 1, "cpu")
    assert files[0].keys() == {"source", "target", "status", "error", "source_sha256", "milliseconds"}
    assert files[1].pop("milliseconds").keys() == {"read", "compute", "write"}
    assert files[1] == {
        "source": str(tmp_path / "in/b 🎨.jpg"),
        "target": str(tmp_path / "out/b 🎨.jpg"),
        "status": "written",
        "source_sha256": sha256((tmp_path / "in/b 🎨.jpg").read_bytes()).hexdigest(),
        "target_sha256": sha256((tmp_path / "out/b 🎨.jpg").read_bytes()).hexdigest(),
    }


# Formats


@pytest.mark.parametrize("name", ["png", "jpg", "webp", "tiff"])
def test_every_format_holds_the_result(engine, tmp_path, name):
    suffix = {"png": ".png", "jpg": ".jpg", "webp": ".webp", "tiff": ".tiff"}[name]
    for kind in ("jpeg", "alpha", "deep", "grey", "webp"):
        write_kind(kind, tmp_path / "in" / f"{kind}{KINDS[kind]}", 5)
    report = convert_folder(engine, tmp_path / "in", tmp_path / "out", format=name, quality=100)
    assert report.counts == {"written": 5}
    for file in report.files:
        assert file.target.suffix == (".tif" if (name, file.source.suffix) == ("tiff", ".tif") else suffix)
        wanted, got = expected(file.source), read_picture(file.target)
        values = wanted.pixels / np.iinfo(wanted.pixels.dtype).max
        if name == "jpg" and wanted.alpha is not None:
            opaque = wanted.alpha[..., None] / 255
            values = values * opaque + (1 - opaque)
        np.testing.assert_allclose(got.pixels / np.iinfo(got.pixels.dtype).max, values, atol=0.02)
        assert (got.alpha is None) == (wanted.alpha is None or name == "jpg")
        if name == "tiff" and file.source.stem == "deep":
            np.testing.assert_array_equal(got.pixels, wanted.pixels)


def test_deep_colour_reaches_png_whole(tmp_path):
    values = np.random.default_rng(2).integers(0, 65536, (11, 7, 3), dtype=np.uint16)
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encode(Picture(values, None, icc), "png")
    with Image.open(io.BytesIO(data)) as image:  # Pillow checks the sums and reads the high bytes
        np.testing.assert_array_equal(np.asarray(image), values >> 8)
        assert image.info["icc_profile"] == icc
    grey = encode(Picture(values[..., :1]), "png")
    np.testing.assert_array_equal(read_picture(grey).pixels, values[..., :1])
    with_alpha = encode(Picture(values, values[..., 0]), "png")
    assert Image.open(io.BytesIO(with_alpha)).mode == "RGBA"


def test_colour_profiles_stay(engine, tmp_path):
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(pixels(3, 12, 16, 3))
    (tmp_path / "in").mkdir()
    for suffix in ("jpg", "png", "webp", "tif"):
        image.save(tmp_path / f"in/a-{suffix}.{suffix}", icc_profile=icc)
    for file in convert_folder(engine, tmp_path / "in", tmp_path / "out").files:
        assert Image.open(file.target).info.get("icc_profile") == icc, file.target.suffix


def test_a_model_of_several_bands_writes_tiff(make_model, tmp_path):
    engine = Engine(make_model("mix", input_channels=5, output_channels=4), device="cpu")
    bands = np.random.default_rng(1).random((9, 8, 5), dtype=np.float32)
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in/five.tif", bands, photometric="minisblack", planarconfig="contig")
    report = convert_folder(engine, tmp_path / "in", tmp_path / "out")
    assert report.status == 0, report.files
    np.testing.assert_allclose(
        read_picture(report.files[0].target).pixels, np.tile(bands.mean(2)[..., None], 4), atol=1e-5
    )
    with pytest.raises(RequestError, match="4 bands, which png cannot hold"):
        convert_folder(engine, tmp_path / "in", tmp_path / "o2", format="png")


def test_the_scale_of_the_model_is_the_scale_of_the_files(make_model, tmp_path):
    write_kind("alpha", tmp_path / "in/a.png", 1)
    engine = Engine(make_model("enlarge", scale=3), device="cpu")
    convert_folder(engine, tmp_path / "in", tmp_path / "out")
    with Image.open(tmp_path / "in/a.png") as small, Image.open(tmp_path / "out/a.png") as large:
        assert large.size == (small.width * 3, small.height * 3)
        assert large.mode == "RGBA"


def test_real_photographs_convert(make_model, real_data, tmp_path):
    engine = Engine(make_model("network"), device="cpu")
    source = tmp_path / "in"
    source.mkdir()
    for path in find_pictures(real_data / "summer2winter_yosemite" / "testA")[:4]:
        (source / path.name).symlink_to(path)
    report = convert_folder(engine, source, tmp_path / "out")
    assert report.counts == {"written": 4}


# Where things go


def test_one_picture_converts_to_a_file_or_into_a_folder(engine, tmp_path):
    picture = write_kind("alpha", tmp_path / "in.png", 1)
    assert convert_folder(engine, picture, tmp_path / "out.jpg").files[0].target == tmp_path / "out.jpg"
    assert Image.open(tmp_path / "out.jpg").format == "JPEG"
    assert convert_folder(engine, picture, tmp_path / "folder").files[0].target == tmp_path / "folder/in.png"
    with pytest.raises(RequestError, match="disagree"):
        convert_folder(engine, picture, tmp_path / "out.jpg", format="png")
    with pytest.raises(RequestError, match="one of the sources"):
        convert_folder(engine, picture, picture, existing="overwrite")


def test_two_sources_for_one_target_are_refused_before_anything_is_written(engine, tmp_path):
    write_kind("alpha", tmp_path / "in/a.png", 1)
    write_kind("jpeg", tmp_path / "in/a.jpg", 2)
    with pytest.raises(RequestError, match=r"a\.jpg and .*a\.png would both become .*a\.jpg"):
        convert_folder(engine, tmp_path / "in", tmp_path / "out", format="jpg")
    assert not (tmp_path / "out").exists()
    assert convert_folder(engine, tmp_path / "in", tmp_path / "out").counts == {"written": 2}


def test_a_folder_is_never_converted_onto_itself_nor_its_outputs_again(engine, tmp_path):
    folder = tmp_path / "photos"
    write_kind("alpha", folder / "a.png", 1)
    with pytest.raises(RequestError, match="same folder"):
        convert_folder(engine, folder, tmp_path / "x" / ".." / "photos")
    for _ in range(2):
        report = convert_folder(engine, folder, folder / "out", existing="overwrite")
        assert [f.target for f in report.files] == [folder / "out" / "a.png"]
    with pytest.raises(RequestError, match="itself one of the sources"):
        convert_folder(engine, _linked(folder), folder, existing="overwrite")


def _linked(folder: Path) -> Path:
    """A folder whose picture is a link to the one that would be overwritten."""
    linked = folder.parent / "linked"
    linked.mkdir()
    (linked / "a.png").symlink_to(folder / "a.png")
    return linked


@pytest.mark.parametrize(
    ("existing", "written", "names"),
    [
        ("skip", 1, ["new.png", "old.png"]),
        ("changed", 1, ["new.png", "old.png"]),
        ("overwrite", 2, ["new.png", "old.png"]),
        ("newer", 1, ["new.png", "old.png"]),
        ("rename", 1, ["new.png", "old.png"]),
    ],
)
def test_what_exists_is_treated_as_asked(engine, tmp_path, existing, written, names):
    write_kind("alpha", tmp_path / "in/old.png", 1)
    convert_folder(engine, tmp_path / "in", tmp_path / "out")
    write_kind("alpha", tmp_path / "in/new.png", 2)
    report = convert_folder(engine, tmp_path / "in", tmp_path / "out", existing=existing)
    assert report.counts["written"] == written
    assert [p.name for p in results_in(tmp_path / "out")] == names


def test_newer_converts_again_what_has_changed(engine, tmp_path):
    picture = write_kind("alpha", tmp_path / "in/a.png", 1)
    convert_folder(engine, tmp_path / "in", tmp_path / "out")
    time.sleep(0.02)
    write_kind("alpha", picture, 2)
    assert convert_folder(engine, tmp_path / "in", tmp_path / "out", existing="newer").counts == {"written": 1}
    np.testing.assert_array_equal(read_picture(tmp_path / "out/a.png").pixels, expected(picture).pixels)


def test_fail_refuses_before_anything_is_written(engine, tmp_path):
    write_kind("alpha", tmp_path / "in/old.png", 1)
    convert_folder(engine, tmp_path / "in", tmp_path / "out")
    write_kind("alpha", tmp_path / "in/new.png", 2)
    with pytest.raises(RequestError, match=r"old\.png exists already"):
        convert_folder(engine, tmp_path / "in", tmp_path / "out", existing="fail")
    assert not (tmp_path / "out/new.png").exists()


def test_a_dry_run_says_what_would_be_done_and_does_nothing(engine, tmp_path):
    write_kind("alpha", tmp_path / "in/a.png", 1)
    report = convert_folder(engine, tmp_path / "in", tmp_path / "out", dry_run=True, format="webp")
    assert [(f.target.name, f.status) for f in report.files] == [("a.webp", "planned")]
    assert not (tmp_path / "out").exists()
    assert report.status == 0


# What can go wrong


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"existing": "skipp"}, UnknownNameError, "Did you mean 'skip'"),
        ({"format": "jpgg"}, UnknownNameError, "Did you mean 'jpg'"),
        ({"quality": 0}, ConfigError, "between 1 and 100"),
    ],
)
def test_options_that_mean_nothing_stop_the_run(engine, tmp_path, options, error, text):
    write_kind("alpha", tmp_path / "in/a.png", 1)
    with pytest.raises(error, match=text):
        convert_folder(engine, tmp_path / "in", tmp_path / "out", **options)


def test_sources_without_a_picture_are_named(engine, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/notes.txt").touch()
    with pytest.raises(RequestError, match="holds no picture"):
        convert_folder(engine, tmp_path / "in", tmp_path / "out")
    with pytest.raises(RequestError, match="no picture or folder at"):
        convert_folder(engine, tmp_path / "missing", tmp_path / "out")
    with pytest.raises(RequestError, match="no picture by its name"):
        convert_folder(engine, tmp_path / "in/notes.txt", tmp_path / "out")


def test_a_full_disk_stops_the_run_and_keeps_what_is_whole(engine, tmp_path, monkeypatch):
    for index in range(12):
        write_kind("alpha", tmp_path / f"in/{index:02}.png", index)
    room = iter([True] * 5 + [False] * 20)

    def write(path: Path, data: bytes, **rest: Any) -> None:
        if not next(room):
            raise OSError(errno.ENOSPC, "No space left on device")
        write_whole(path, data, **rest)

    monkeypatch.setattr(claim, "write_whole", write)
    with pytest.raises(StorageError, match=r"No space left.*5 of 12 pictures were written"):
        convert_folder(engine, tmp_path / "in", tmp_path / "out", workers=1)
    assert len(find_pictures(tmp_path / "out")) == 5
    monkeypatch.undo()
    assert convert_folder(engine, tmp_path / "in", tmp_path / "out").counts == {"skipped": 5, "written": 7}


def test_an_interrupted_run_leaves_no_half_files(engine, tmp_path):
    for index in range(12):
        write_kind("alpha", tmp_path / f"in/{index:02}.png", index)

    def interrupt(done: int, total: int, seen: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert_folder(engine, tmp_path / "in", tmp_path / "out", progress=interrupt, report=tmp_path / "report.jsonl")
    written = results_in(tmp_path / "out")
    assert 4 <= len(written) < 12
    _, lines, end = report_of(tmp_path / "report.jsonl")  # which has what was being written, too
    assert [Path(line["target"]) for line in lines] == written
    assert all(line["source_sha256"] and line["target_sha256"] for line in lines)
    assert end["written"] == len(written)
    for path in written:  # hidden leftovers would be among them
        np.testing.assert_array_equal(read_picture(path).pixels, expected(tmp_path / "in" / path.name).pixels)
    assert not [t for t in threading.enumerate() if t.name.startswith("i2i-convert")]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_whole(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_target_that_cannot_be_written_is_listed_and_the_rest_is_done(engine, tmp_path):
    write_kind("alpha", tmp_path / "in/a/1.png", 1)
    write_kind("alpha", tmp_path / "in/b/2.png", 2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").write_text("a file where a folder should be")
    report = convert_folder(engine, tmp_path / "in", tmp_path / "out")
    assert [f.status for f in report.files] == ["failed", "written"]
    assert "cannot be written" in report.files[0].error


def test_no_more_pictures_are_held_than_the_workers_need(engine, tmp_path, monkeypatch):
    for index in range(30):
        write_kind("jpeg", tmp_path / f"in/{index:02}.jpg", index)
    lock, alive, most = threading.Lock(), 0, 0

    def read(path: Path) -> Picture:
        nonlocal alive, most
        with lock:
            alive += 1
            most = max(most, alive)
        return read_picture(path)

    def write(path: Path, data: bytes, **rest: Any) -> None:
        nonlocal alive
        time.sleep(0.002)
        with lock:
            alive -= 1

    monkeypatch.setattr(making, "read_picture", read)
    monkeypatch.setattr(claim, "write_whole", write)
    convert_folder(engine, tmp_path / "in", tmp_path / "out", workers=2)
    assert most <= 2 * 3 + 2


def test_pictures_of_one_size_are_computed_together_and_their_files_are_the_same_to_the_byte(make_model, tmp_path):
    for index in range(12):
        path = tmp_path / f"in/{index:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels(index, 20, 24 if index < 8 else 30, 3)).save(path)
    engine, sizes = Engine(make_model("network"), device="cpu"), []
    compute = engine._executor.whole.session.run

    class Spy:
        def run(self, names, feeds):
            sizes.append(len(feeds["image"]))
            time.sleep(0.05)  # so that the next pictures are read by then
            return compute(names, feeds)

    engine._executor.whole.session = Spy()
    convert_folder(engine, tmp_path / "in", tmp_path / "together", workers=7)
    assert max(sizes) > 1
    engine.batcher.largest = 1
    sizes.clear()
    convert_folder(engine, tmp_path / "in", tmp_path / "alone", workers=7)
    assert sizes == [1] * 12
    for path in results_in(tmp_path / "alone"):
        assert path.read_bytes() == (tmp_path / "together" / path.name).read_bytes()


def test_large_pictures_are_prepared_and_finished_one_at_a_time_and_come_out_the_same(engine, tmp_path, monkeypatch):
    for index, kind in enumerate(KINDS):
        write_kind(kind, tmp_path / f"in/{kind}{KINDS[kind]}", index)
    small = convert_folder(engine, tmp_path / "in", tmp_path / "small")
    monkeypatch.setattr(planes, "LARGE", 0)
    threads = set()
    prepare, finish = engine.prepare, engine.finish
    monkeypatch.setattr(engine, "prepare", lambda *a: threads.add(threading.current_thread()) or prepare(*a))
    monkeypatch.setattr(engine, "finish", lambda *a: threads.add(threading.current_thread()) or finish(*a))
    large = convert_folder(engine, tmp_path / "in", tmp_path / "large")
    assert threads == {threading.current_thread()}
    for a, b in zip(small.files, large.files, strict=True):
        assert a.target.read_bytes() == b.target.read_bytes()


def test_a_control_that_the_model_has_not_is_refused_before_anything_is_written(engine, tmp_path):
    write_kind("alpha", tmp_path / "in/a.png", 1)
    with pytest.raises(RequestError, match="season"):
        convert_folder(engine, tmp_path / "in", tmp_path / "out", controls={"season": "winter"})
    assert not (tmp_path / "out").exists()


def test_a_picture_too_large_for_webp_fails_in_a_sentence():
    with pytest.raises(PictureError, match="cannot be written as webp"):
        encode(Picture(np.zeros((1, 16384, 3), np.uint8)), "webp")
