"""Sources and targets by any name: a folder is known as itself, and no name of a file ends a conversion."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conversions import results_in
from PIL import Image

from i2i.errors import RequestError, StorageError
from i2i.serving.conversion import folding
from i2i.serving.conversion.convert import convert_folder
from i2i.serving.inference.engine import Engine


@pytest.fixture
def engine(make_model) -> Engine:
    return Engine(make_model(), device="cpu")


def put(path: Path, value: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        Image.fromarray(np.full((6, 7, 3), value, np.uint8)).save(file, "PNG")
    return path


@pytest.fixture
def bind(tmp_path: Path):
    """Mounts a folder a second time; skipped where that is not allowed."""
    mounted: list[Path] = []

    def mount(folder: Path, at: Path) -> Path:
        at.mkdir(parents=True)
        if subprocess.run(["mount", "--bind", folder, at], capture_output=True).returncode:
            pytest.skip("no right to mount here")
        mounted.append(at)
        return at

    yield mount
    for at in reversed(mounted):
        subprocess.run(["umount", at], check=True)


def test_a_folder_is_known_as_itself_through_a_bind_mount(engine, tmp_path, bind):
    before = put(tmp_path / "src/a.png").read_bytes()
    twin = bind(tmp_path / "src", tmp_path / "twin")
    with pytest.raises(RequestError, match="the same folder"):
        convert_folder(engine, tmp_path / "src", twin, existing="overwrite")
    for _ in range(2):  # what lies in the target is no source the second time
        report = convert_folder(engine, tmp_path / "src", twin / "out", existing="overwrite")
        assert [file.source for file in report.files] == [tmp_path / "src/a.png"]
    assert (tmp_path / "src/a.png").read_bytes() == before


def test_a_folder_mounted_in_itself_is_looked_at_once(engine, tmp_path, bind):
    put(tmp_path / "src/a.png")
    bind(tmp_path / "src", tmp_path / "src/inner")
    report = convert_folder(engine, tmp_path / "src", tmp_path / "out")
    assert report.counts == {"written": 1}
    assert report.notes[0].endswith("are the same folder; it is looked at once.")


@pytest.mark.parametrize("kind", ["link to the folder", "link to a file", "hard link"])
def test_no_source_is_overwritten_under_another_name(engine, tmp_path, kind):
    picture = put(tmp_path / "src/a.png")
    before, out = picture.read_bytes(), tmp_path / "out"
    if kind == "link to the folder":
        out.symlink_to(tmp_path / "src")
    elif kind == "link to a file":
        out.mkdir()
        (out / "a.png").symlink_to(picture)
    else:
        out.mkdir()
        os.link(picture, out / "a.png")
    for existing in ("overwrite", "skip", "newer"):
        with pytest.raises(RequestError, match="same folder|itself one of the sources"):
            convert_folder(engine, tmp_path / "src", out, existing=existing)
    assert picture.read_bytes() == before


def test_a_linked_target_inside_the_source_holds_no_sources(engine, tmp_path):
    put(tmp_path / "src/a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "src/results").symlink_to(tmp_path / "out")
    for _ in range(2):
        report = convert_folder(engine, tmp_path / "src", tmp_path / "out", existing="overwrite")
        assert [file.source for file in report.files] == [tmp_path / "src/a.png"]


@pytest.mark.parametrize(
    ("name", "options"),
    [("n" * 251 + ".png", {"existing": "rename", "metadata": "strip"}), ("n" * 251 + ".png", {"format": "tiff"})],
)
def test_a_name_too_long_for_the_target_is_one_files_failure(engine, tmp_path, name, options):
    put(tmp_path / "in" / name)
    put(tmp_path / "in/short.png")
    convert_folder(engine, tmp_path / "in", tmp_path / "out")
    report = convert_folder(engine, tmp_path / "in", tmp_path / "out", **options)
    assert (report.status, report.counts) == (1, {"written": 1, "failed": 1})
    (failed,) = [file for file in report.files if file.status == "failed"]
    assert failed.source.name == name
    assert failed.error.endswith("cannot be written (File name too long).")
    assert not [path for path in results_in(tmp_path / "out") if path.name.startswith(".")]


def test_a_target_whose_own_name_is_too_long_is_refused_in_a_sentence(engine, tmp_path):
    put(tmp_path / "in/a.png")
    with pytest.raises(StorageError, match="File name too long") as refused:
        convert_folder(engine, tmp_path / "in", tmp_path / ("o" * 256))
    assert refused.value.status == 2


def test_names_in_two_unicode_forms_and_of_no_unicode_are_converted_each(engine, tmp_path):
    names = [b"caf\xc3\xa9.png", b"cafe\xcc\x81.png", b"\xff\xfe.png", b"new\nline.png"]
    for name in names:
        put(tmp_path / "in" / os.fsdecode(name))
    report = convert_folder(engine, tmp_path / "in", tmp_path / "out")
    assert report.counts == {"written": 4}
    assert sorted(os.fsencode(path.name) for path in results_in(tmp_path / "out")) == sorted(names)


@pytest.mark.parametrize("names", [("A.png", "a.png"), ("X/a.png", "x/a.png"), ("caf\u00e9.png", "cafe\u0301.png")])
def test_names_that_the_target_s_file_system_takes_for_one_are_refused_before_one_replaces_the_other(
    engine, tmp_path, names, monkeypatch
):
    """On Linux a file system of Windows or macOS is played by one that knows no case and no form."""
    for name in names:
        put(tmp_path / "in" / name)
    assert convert_folder(engine, tmp_path / "in", tmp_path / "out").counts == {"written": 2}  # this one tells them
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "models", "out"]

    def identity(path: Path) -> str | None:
        same = [each for each in path.parent.glob("*") if folding.plainly(each) == folding.plainly(path)]
        return str(same[0]) if same else None

    monkeypatch.setattr(folding, "identity", identity)
    with pytest.raises(RequestError, match="takes the two names for one. Rename one of them"):
        convert_folder(engine, tmp_path / "in", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("url", ["s3://bucket/in", "HTTPS://example.org/a"])
def test_a_url_is_refused_and_does_not_become_a_folder_of_this_machine(url, engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "in/a.png")
    for places in ((Path("in"), Path(url)), (Path(url), Path("out"))):
        with pytest.raises(RequestError, match="is a URL.*--engine ray.*mount"):
            convert_folder(engine, *places)
    assert {path.name for path in tmp_path.iterdir()} == {"in", "models"}  # the engine's
    there = tmp_path / "s3:"  # which a run of an earlier edition may have made
    convert_folder(engine, Path("in"), there / "out")
    assert convert_folder(engine, Path("in"), Path("s3:/out"), existing="overwrite").counts["written"] == 1
