"""Places in stores as source and target: a store in memory, and one that keeps folders; the worker called here."""

from __future__ import annotations

import io
import json
import os
import pickle
import socket
import sys
from collections import Counter
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image
from small_models import write_model
from test_on_ray import ONE, OPTIONS
from typer.testing import CliRunner

from i2i.commands.app import app
from i2i.errors import I2IError, RequestError
from i2i.serving import Engine, convert_folder
from i2i.serving.conversion.on_ray import job, worker
from i2i.serving.conversion.stores import journal as journals
from i2i.serving.conversion.stores import url as urls
from i2i.serving.conversion.stores.url import Url, asking, placed
from i2i.serving.conversion.verify import verify_folder

ODD = "3/a [x]*?#.png"
"""Signs that patterns and queries are made of."""


class Folders(LocalFileSystem):
    """A file system that keeps folders and renames, as sftp's and hdfs' do, under a protocol of its own."""

    protocol = "folders"

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol("/" + str(path).removeprefix("folders://").lstrip("/"))


class Here:
    """Converts by a worker in this process; `watch` is called with the answers of each group."""

    def __init__(self, engine, watch=lambda _: None):
        self.engine, self.watch = engine, watch

    def results(self, jobs, claim, **making):
        claim.clear(())
        models = (worker.Model(self.engine.path, self.engine.sha256),)
        expected = worker.Expected(None, claim.root, worker.how_of(self.engine))
        work = worker.Worker(models, {**OPTIONS, "threads": 1}, 0.5, expected, making)

        def ask(ahead, size):
            left = list(ahead.items())
            for at in range(0, len(left), size):
                (row,) = work({"jobs": [pickle.dumps((f"{size}-{at}", left[at : at + size]))]})
                answers = pickle.loads(row["answers"][0])
                self.watch(answers)
                yield answers

        try:
            yield from job._converted(jobs, claim, ask, ONE)
        finally:
            claim.clear(())


@pytest.fixture
def engine(tmp_path):
    return Engine(write_model(tmp_path), **OPTIONS)


@pytest.fixture(params=["memory", "folders"])
def store(request, tmp_path):
    """A store with 8 pictures below `in`, and what is none; gives it, and the URL above `in`."""
    fsspec.register_implementation("folders", Folders, clobber=True)
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    there = fsspec.filesystem(request.param)
    base = "memory://base" if request.param == "memory" else f"folders:/{tmp_path}/base"
    for n, name in enumerate(["0/a.png", "0/b.png", "1/c.png", "1/d.png", "1/2/e.png", "f.png", "g.png", ODD]):
        put(there, f"{base}/in/{name}", n)
    for name in ("notes.txt", ".hidden.png", "@eaDir/a.png"):
        write(there, f"{base}/in/{name}", b"x")
    return there, base


def write(there, url, data):
    path = there._strip_protocol(url)
    there.makedirs(there._parent(path), exist_ok=True)
    there.pipe_file(path, data)


def put(there, url, n):
    file = io.BytesIO()
    Image.fromarray(np.full((20 + n, 30, 3), 10 * n, np.uint8)).save(file, "PNG")
    write(there, url, file.getvalue())


def found_in(there, base):
    """Everything below a place, by its name below it."""
    path = there._strip_protocol(base)
    return {name[len(path) + 1 :]: there.cat_file(name) for name in there.find(path)}


def convert(engine, base, *, watch=lambda _: None, **options):
    return convert_folder(engine, Path(f"{base}/in"), Path(f"{base}/out"), spread=Here(engine, watch), **options)


def lines_of(files):
    return [json.loads(line) for line in files[".i2i/journal.jsonl"].splitlines()]


def test_a_store_is_converted_as_a_folder_is_with_a_line_for_each_file(engine, store, tmp_path):
    there, base = store
    write(there, f"{base}/in/broken.png", b"no picture")
    copy = tmp_path / "copy"
    for name, data in found_in(there, f"{base}/in").items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(data)
    plain = convert_folder(engine, copy, tmp_path / "plain")
    report = convert(engine, base, report=tmp_path / "r.jsonl")
    assert report.counts == plain.counts == {"written": 8, "failed": 1}
    assert next(file.error for file in report.files if file.error).startswith(f"{base}/in/broken.png is not a")
    files = found_in(there, f"{base}/out")
    assert sorted(name for name in files if name.startswith(".i2i")) == [".i2i/journal.jsonl"]
    wanted = {name: (tmp_path / "plain" / name).read_bytes() for name in files if name != ".i2i/journal.jsonl"}
    assert files.items() >= wanted.items()
    assert ODD in wanted
    assert Counter(line["target"] for line in lines_of(files) if "target" in line) == dict.fromkeys(wanted, 1)
    assert f'"source": "{base}/in/{ODD}", "target": "{base}/out/{ODD}"' in (tmp_path / "r.jsonl").read_text()
    assert found_in(there, f"{base}/in").keys() == {*wanted, "broken.png", "notes.txt", ".hidden.png", "@eaDir/a.png"}


def test_what_is_written_is_skipped_and_what_changed_is_made_anew(engine, store):
    there, base = store
    assert convert(engine, base).counts == {"written": 8}
    assert convert(engine, base).counts == {"skipped": 8}
    put(there, f"{base}/in/f.png", 20)
    write(there, f"{base}/out/g.png", b"cut")
    report = convert(engine, base)
    assert report.counts == {"skipped": 8}
    assert "1 of those already there was made with another source" in " ".join(report.notes)
    assert convert(engine, base, existing="changed", dry_run=True).counts == {"skipped": 6, "planned": 2}
    assert convert(engine, base, existing="changed").counts == {"skipped": 6, "written": 2}
    assert verify_folder(Path(f"{base}/out")).status == 0
    assert convert(engine, base, existing="rename", include=["f.*"]).counts == {"skipped": 1}
    with pytest.raises(RequestError, match="exists already"):
        convert(engine, base, existing="fail")


def test_no_file_has_its_name_before_it_is_whole_and_in_the_journal(engine, store):
    there, base = store

    def watch(answers):
        files = found_in(there, f"{base}/out")
        known = [json.loads(line) for name in files if "journal" in name for line in files[name].splitlines()]
        named = {name for name in files if not name.startswith(".i2i")}
        assert named == {line["target"] for line in known if "target" in line}
        assert not named & {answer.result.target.relative_to(Path(f"{base}/out")) for answer in answers}
        seen.append(len(named))

    seen = []
    convert(engine, base, watch=watch)
    assert seen == [0, 2, 4, 6]


def test_a_run_that_was_killed_is_gone_on_with_and_leaves_nothing(engine, store, monkeypatch):
    """Its lock, its parts and its journal in parts lie there still."""
    there, base = store
    monkeypatch.setattr(journals, "LINES", 2)

    def kill(_):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    calls = []
    with monkeypatch.context() as dead:
        dead.setattr(urls.Url, "unlink", lambda *_, **__: None)  # a process that is killed clears nothing up
        dead.setattr(journals.StoreJournal, "close", lambda _: None)
        with pytest.raises(KeyboardInterrupt):
            convert(engine, base, watch=kill)
    left = found_in(there, f"{base}/out")
    assert {".i2i/journal-000001.jsonl", ".i2i/journal-000002.jsonl", ".i2i/lock"} <= left.keys()
    assert any("parts" in name for name in left)
    assert convert(engine, base).counts == {"skipped": 4, "written": 4}
    files = found_in(there, f"{base}/out")
    assert [name for name in files if name.startswith(".i2i")] == [".i2i/journal.jsonl"]
    assert Counter(Counter(line.get("target") for line in lines_of(files)).values())[1] == 8
    assert verify_folder(Path(f"{base}/out")).whole == sorted(files.keys() - {".i2i/journal.jsonl"})


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_a_place_that_another_machine_s_conversion_holds_is_refused_with_what_to_remove(engine, store):
    there, base = store
    holder = {"host": "elsewhere", "process": 7, "begun": "2026-01-01T00:00:00+00:00"}
    write(there, f"{base}/out/.i2i/lock", json.dumps(holder).encode())
    with pytest.raises(RequestError, match=r"process 7 on elsewhere, since 2026.*remove memory://base/out/.i2i/lock"):
        convert(engine, base)
    write(
        there, f"{base}/out/.i2i/lock", json.dumps(holder | {"host": socket.gethostname(), "process": 2**30}).encode()
    )
    assert convert(engine, base).counts == {"written": 8}


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_a_folder_goes_to_a_store_and_back(engine, store, tmp_path):
    _, base = store
    spread = Here(engine)
    assert convert_folder(engine, Path(f"{base}/in"), tmp_path / "out", spread=spread).counts == {"written": 8}
    assert convert_folder(engine, tmp_path / "out", Path(f"{base}/again"), spread=spread).counts == {"written": 8}
    assert convert_folder(engine, tmp_path / "out", Path(f"{base}/again"), spread=spread).counts == {"skipped": 8}


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_names_that_are_no_paths_are_told_and_the_target_is_no_source(engine, store):
    there, base = store
    for name in ("x//a.png", "/b.png", "../c.png", "y/../d.png"):
        there.store[f"/base/in/{name}"] = there.store["/base/in/f.png"]
    report = convert_folder(engine, Path(f"{base}/in"), Path(f"{base}/in/out"), spread=Here(engine))
    assert report.counts == {"written": 8}
    assert report.left_alone["objects whose names are no paths"] == 4
    again = convert_folder(engine, Path(f"{base}/in"), Path(f"{base}/in/out"), spread=Here(engine))
    assert again.counts == {"skipped": 8}


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_a_dry_run_writes_nothing_and_says_what_is_fetched(engine, store):
    there, base = store
    report = convert(engine, base, dry_run=True)
    assert report.counts == {"planned": 8}
    assert report.notes[0].startswith("To fetch: 8 pictures")
    assert not found_in(there, f"{base}/out")


def test_a_file_url_is_the_folder(engine, tmp_path):
    assert placed(Path(f"file://{tmp_path}/a%20b")) == tmp_path / "a b"


REFUSED = [
    ("s3://key:word@bucket/in", "has a password in it"),
    ("s3://bucket/../in", "names no place"),
    ("s3://", "names no place"),
    ("smb://host/share", "pip install smbprotocol"),
    ("nosuch://host/share", "Protocol not known: nosuch"),
    ("simplecache::s3://bucket/in", "Protocol not known"),
    ("memory://nothing/here", "There is no picture or folder at memory://nothing/here"),
]


@pytest.mark.parametrize(("url", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_url_that_is_no_good_is_refused_in_a_sentence_without_its_password(url, said, engine, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "smbclient", None)
    with pytest.raises(I2IError, match=said) as caught:
        convert_folder(engine, Path(url), tmp_path / "out", spread=Here(engine))
    assert "word@" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_url_is_refused_without_a_cluster_and_through_a_pipe(engine, tmp_path):
    for words in (
        ["s3://b/in", "out"],
        [str(tmp_path), "s3://b/out"],
        ["-", "s3://b/o.png"],
        ["s3://b/in", "o", "--watch"],
    ):
        done = CliRunner().invoke(app, ["convert", str(engine.path), *words], input=b"")
        assert isinstance(done.exception, RequestError)
        assert "s3://b/" in str(done.exception)
    assert not Path("s3:").exists()


def test_what_a_driver_says_is_told_without_what_is_secret():
    where = Url("memory://base/in")
    with pytest.raises(OSError, match="403, https://…store/a\\?… failed") as caught, asking(where):
        raise ValueError("403, https://user:word@store/a?sig=abc failed\nand more")
    assert caught.value.filename == "memory://base/in"
    with pytest.raises(PermissionError, match="Denied"), asking(where):
        raise PermissionError(13, "Denied")


def test_a_url_reckons_and_travels_as_a_path_does():
    url = Url("s3://bucket/in/a.tif")
    assert str(url) == os.fspath(url) == "s3://bucket/in/a.tif"
    assert (url.name, url.suffix, str(url.parent)) == ("a.tif", ".tif", "s3://bucket/in")
    assert str(Path("out") / url.relative_to(Url("s3://bucket"))) == "out/in/a.tif"
    assert str(pickle.loads(pickle.dumps(url)).with_suffix(".png")) == "s3://bucket/in/a.png"
    assert str(Url("hdfs:/data/in")) == "hdfs:///data/in"
