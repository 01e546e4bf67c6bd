"""Pictures that memory does not suffice for beside others are converted at the end, alone."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from conversions import report_of
from PIL import Image
from small_models import write_model

from i2i.errors import PictureError, ProviderError
from i2i.images.image import Picture
from i2i.serving import Engine, convert_folder
from i2i.serving.conversion import making
from i2i.serving.conversion.failures import lacked_memory
from i2i.serving.conversion.on_ray import worker
from i2i.serving.conversion.plan import Job
from i2i.serving.inference.chain import Chain
from i2i.serving.inference.executors import OutOfMemoryError


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "in").mkdir()
    for name in "abcd":
        Image.fromarray(np.full((8, ord(name) - 88, 3), ord(name), np.uint8)).save(tmp_path / "in" / f"{name}.png")
    return tmp_path / "in"


@pytest.fixture
def engine(tmp_path):
    return Engine(write_model(tmp_path, "network"), device="cpu")


def scarce(engine, monkeypatch, enough=True):
    """Memory does not suffice for b and c while anything is kept; says for what and when it was asked."""
    real, go, asked, free = engine.batcher.executor.run, engine.let_go, [], []

    def run(feeds, *into):
        width = feeds["image"].shape[3]
        asked.append(chr(width + 88))
        if asked[-1] in "bc" and not (free and enough):
            raise OutOfMemoryError("There is not enough memory for a picture.")
        free.clear()
        return real(feeds, *into)

    def let_go():
        go()
        free.append(True)

    monkeypatch.setattr(engine.batcher.executor, "run", run)
    monkeypatch.setattr(engine, "let_go", let_go)
    return asked


def test_what_fits_alone_is_written_after_the_others(engine, photos, tmp_path, monkeypatch):
    plain = convert_folder(engine, photos, tmp_path / "plain")
    asked = scarce(engine, monkeypatch)
    report = convert_folder(engine, photos, tmp_path / "out", report=tmp_path / "r.jsonl")
    assert asked == [*"abcd", *"bc"]
    assert [(f.source, f.status, f.target_sha256) for f in report.files] == [
        (f.source, "written", f.target_sha256) for f in plain.files
    ]
    _, lines, last = report_of(tmp_path / "r.jsonl")
    assert [(Path(line["source"]).stem, line["status"]) for line in lines] == [(name, "written") for name in "adbc"]
    assert (last["written"], last["failed"]) == (4, 0)


def test_what_does_not_fit_alone_either_fails_and_costs_no_other(engine, photos, tmp_path, monkeypatch):
    asked = scarce(engine, monkeypatch, enough=False)
    report = convert_folder(engine, photos, tmp_path / "out")
    assert [f.status for f in report.files] == ["written", "failed", "failed", "written"]
    assert report.files[1].error == "There is not enough memory for a picture."
    assert asked == [*"abcd", *"bc"]


def test_a_decoder_and_an_encoder_without_memory_are_tried_again(engine, photos, tmp_path, monkeypatch):
    def once(real, failed=()):
        failed = list(failed)

        def call(*arguments):
            if not failed:
                failed.append(True)
                raise MemoryError
            return real(*arguments)

        return call

    for part in ("read_picture", "encoded"):
        monkeypatch.setattr(making, part, once(getattr(making, part)))
    report = convert_folder(engine, photos, tmp_path / "out", workers=1)
    assert report.counts == {"written": 4}


def test_a_worker_of_a_cluster_says_of_each_picture_which_it_was(engine, photos, tmp_path, monkeypatch):
    expected = worker.Expected(Path.cwd(), tmp_path / "out", worker.how_of(engine))
    (tmp_path / "out/.i2i").mkdir(parents=True)
    models = (worker.Model(engine.path, engine.sha256),)
    work = worker.Worker(
        models, {"device": "cpu", "threads": 1}, 0.5, expected, {"quality": None, "metadata": "keep", "controls": {}}
    )
    scarce(work.making.engine, monkeypatch)
    jobs = [(n, Job(path, tmp_path / "out" / path.name, "png")) for n, path in enumerate(sorted(photos.iterdir()))]
    (row,) = work({"jobs": [pickle.dumps(("g", jobs))]})
    answers = pickle.loads(row["answers"][0])
    assert [(answer.place, answer.result.source.stem) for answer in answers] == [(0, "a"), (3, "d"), (1, "b"), (2, "c")]
    assert all(answer.part.path.exists() for answer in answers)


def test_sessions_that_let_go_are_opened_anew_and_compute_the_same(engine):
    picture = np.random.default_rng(0).integers(0, 65536, (20, 30, 3)).astype(np.uint16)
    for model in (engine, Chain([engine, engine])):
        first = model.finish(p := model.prepare(Picture(picture)), model.submit(p).result()).pixels
        model.let_go()
        assert not hasattr(engine.executor.whole, "session")
        again = model.finish(p := model.prepare(Picture(picture)), model.submit(p).result()).pixels
        assert (first == again).all()


def test_a_file_that_is_called_after_memory_is_no_want_of_it():
    assert not lacked_memory(PictureError("alloc.png is damaged"))
    assert not lacked_memory(None)
    assert lacked_memory(ProviderError("There is not enough memory for a picture."))
    assert lacked_memory(MemoryError())
    damaged = PictureError("a.png is damaged, or there is not enough memory for it.")
    damaged.__cause__ = MemoryError()
    assert lacked_memory(damaged)
