"""`--engine ray`: a cluster of this machine, one of whose processes is killed; what a worker answers, without Ray."""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from conversions import report_of, results_in
from PIL import Image
from small_models import write_model

from i2i.errors import ProviderError, RequestError, StorageError
from i2i.serving import Engine, convert_folder
from i2i.serving.conversion.claim import TRIES, claimed
from i2i.serving.conversion.journal import FOLDER
from i2i.serving.conversion.on_ray import cluster, job, worker
from i2i.serving.conversion.plan import Job

OPTIONS = {"device": "cpu", "precision": "auto", "tile": "auto", "ensemble": False, "memory": None}
ONE = cluster.Share(engines=1, threads=1, processors=1.0, gpus=0, machines=1)


@pytest.fixture
def engine(tmp_path):
    return Engine(write_model(tmp_path), **OPTIONS)


def pictures(folder: Path, count: int, side: int = 40) -> Path:
    """Noise of many sizes, in folders of folders."""
    rng = np.random.default_rng(0)
    for n in range(count):
        path = folder / f"{n % 3}" / f"{n:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (side + n % 7, side, 3), np.uint8)).save(path, compress_level=1)
    return folder


# ---------------------------------------------------------------- a true cluster


def workers_of(pid: int) -> list[int]:
    """Processes of Ray's below `pid` that hold an engine."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(words[1]), (entry / "cmdline").read_bytes()
            except OSError:
                continue
    below, found = {pid}, []
    while more := {each for each, (parent, _) in parents.items() if parent in below and each not in below}:
        below |= more
        found += [each for each in more if b"MapWorker" in parents[each][1]]
    return sorted(found)


def convert_with_a_killed_worker(engine, source, target, after, **options):
    """The report, when so many pictures were settled before a worker was killed."""
    settled, killed = [], []

    def kill(result):
        settled.append(result)
        if len(settled) == after:
            killed.append(workers_of(os.getpid())[0])
            os.kill(killed[0], signal.SIGKILL)

    spread = job.OnRay(engine, OPTIONS, engines=2)
    report = convert_folder(engine, source, target, spread=spread, settled=kill, **options)
    assert killed
    return report


def assert_each_is_right_and_none_is_there_twice(target, plain):
    """As a plain conversion left it, with one line in the journal for each file."""
    wanted = {path.relative_to(plain): path.read_bytes() for path in results_in(plain)}
    assert {path.relative_to(target): path.read_bytes() for path in results_in(target)} == wanted
    lines = [json.loads(line) for line in (target / FOLDER / "journal.jsonl").read_text().splitlines()]
    assert Counter(line["target"] for line in lines if "target" in line) == {str(name): 1 for name in wanted}
    assert sorted(path.name for path in (target / FOLDER).iterdir()) == ["journal.jsonl", "lock"]


needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (the extra `ray`)")


@needs_ray
def test_a_dozen_pictures_are_right_though_a_worker_is_killed_and_the_cluster_ends(engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # relative paths are the same in workers
    source = pictures(Path("in"), 12, side=500)
    (source / "broken.png").write_bytes(b"no picture")
    plain = convert_folder(engine, source, Path("plain"))
    report = convert_with_a_killed_worker(engine, source, Path("out"), 2, report=Path("r.jsonl"))
    assert_each_is_right_and_none_is_there_twice(Path("out"), Path("plain"))
    assert [(f.source, f.status, f.error, f.target_sha256) for f in report.files] == [
        (f.source, f.status, f.error, f.target_sha256) for f in plain.files
    ]
    _, files, last = report_of(Path("r.jsonl"))
    assert len(files) == 13
    assert (last["written"], last["failed"]) == (12, 1)
    assert not workers_of(os.getpid())
    again = convert_folder(engine, source, Path("out"), include=["?/*"], spread=job.OnRay(engine, OPTIONS))
    assert again.counts == {"skipped": 12}


@pytest.mark.slow
@needs_ray
def test_a_thousand_pictures_are_right_though_a_worker_is_killed(engine, tmp_path):
    source = pictures(tmp_path / "in", 1000, side=300)
    convert_folder(engine, source, tmp_path / "plain")
    began = time.monotonic()
    report = convert_with_a_killed_worker(engine, source, tmp_path / "out", 300)
    print(f"{time.monotonic() - began:.0f} s")
    assert report.counts == {"written": 1000}
    assert_each_is_right_and_none_is_there_twice(tmp_path / "out", tmp_path / "plain")


# ---------------------------------------------------------------- a worker, called here


def work_of(engine, target, *, expected=None, **making) -> worker.Worker:
    target.mkdir(exist_ok=True)
    (target / FOLDER).mkdir(exist_ok=True)
    models = (worker.Model(engine.path, engine.sha256),)
    expected = expected or worker.Expected(Path.cwd(), target, worker.how_of(engine))
    making = {"quality": None, "metadata": "keep", "controls": {}} | making
    return worker.Worker(models, {**OPTIONS, "threads": 1}, 0.5, expected, making)


def asked(work, group, jobs):
    (row,) = work({"jobs": [pickle.dumps((group, list(enumerate(jobs))))]})
    return pickle.loads(row["answers"][0])


def jobs_of(source, target):
    return [Job(path, target / path.name, "png") for path in sorted(source.rglob("*.png"))]


def test_a_worker_leaves_whole_files_without_names_and_they_get_them_once(engine, tmp_path):
    jobs = jobs_of(pictures(tmp_path / "in", 3), tmp_path / "out")
    with claimed(tmp_path / "out", []) as claim:
        claim.journal.begin({})
        work = work_of(engine, tmp_path / "out")
        answers = [*asked(work, "g", jobs), *asked(work, "g", jobs)]  # as of a worker that was taken for dead
        assert not [job.target for job in jobs if job.target.exists()]
        results = list(job._converted(jobs, claim, lambda *_: [answers], ONE))
        assert [result.status for result, _ in results] == ["written"] * 3
        assert [path.name for path in results_in(tmp_path / "out") if path.suffix == ".png"] == [
            "0000.png",
            "0001.png",
            "0002.png",
        ]
        assert len((tmp_path / "out" / FOLDER / "journal.jsonl").read_text().splitlines()) == 5


def test_a_picture_that_ends_its_process_each_time_fails_alone(engine, tmp_path):
    jobs = jobs_of(pictures(tmp_path / "in", 12), tmp_path / "out")
    with claimed(tmp_path / "out", []) as claim:
        claim.journal.begin({})
        work = work_of(engine, tmp_path / "out")
        (tmp_path / "out" / FOLDER / TRIES).mkdir()
        for group in ("3-6", "1-1"):  # as a worker leaves them that ended in the midst of the group
            (tmp_path / "out" / FOLDER / TRIES / group).write_bytes(b"." * worker.MOST_TRIES)

        def ask(ahead, size):
            left = list(ahead.items())
            for at in range(0, len(left), size):
                (row,) = work({"jobs": [pickle.dumps((f"{size}-{at}", left[at : at + size]))]})
                yield pickle.loads(row["answers"][0])

        results = [result for result, _ in job._converted(jobs, claim, ask, ONE)]
    assert [result.target for result in results if result.status == "failed"] == [jobs[7].target]
    assert len(results) == 12
    assert "ended each time" in results[-1].error


def test_a_worker_that_computes_otherwise_than_the_user_s_machine_refuses(engine, tmp_path):
    other = worker.Expected(Path.cwd(), tmp_path / "out", ("openvino", "bf16 (deep pictures: fp32)"))
    work = work_of(engine, tmp_path / "out", expected=other)
    (said,) = asked(work, "g", [])
    assert "openvino; bf16" in said.why
    assert "--device" in said.why


def test_a_worker_that_does_not_see_the_folders_refuses(engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nowhere = worker.Expected(tmp_path / "gone", tmp_path / "out", worker.how_of(engine))
    (said,) = asked(work_of(engine, tmp_path / "out", expected=nowhere), "g", [])
    assert "does not see" in said.why
    with pytest.raises(ProviderError, match="a drive that they share"):
        raise job._ended(said, 0, 1)


def test_a_full_disk_at_a_worker_ends_the_run_in_the_sentence_of_a_plain_one(engine, tmp_path, monkeypatch):
    jobs = jobs_of(pictures(tmp_path / "in", 3), tmp_path / "out")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(worker, "write_beside", full)
    said = asked(work_of(engine, tmp_path / "out"), "g", jobs)[-1]
    error = job._ended(said, 7, 1000)
    assert isinstance(error, StorageError)
    assert "7 of 1000 pictures were written" in str(error)
    assert error.status == 1


# ---------------------------------------------------------------- what is asked for


def test_the_processors_are_dealt_out_and_not_overbooked():
    class Ray:
        def __init__(self, *processors, gpus=0):
            self.processors, self.gpus = processors, gpus

        def nodes(self):
            return [{"Alive": True, "Resources": {"CPU": each, "GPU": self.gpus}} for each in self.processors]

    def dealt(ray, engines=None, on_gpu=False):
        share = cluster.share(ray, engines, on_gpu=on_gpu)
        return share.engines, share.threads, share.processors

    assert dealt(Ray(2)) == (1, 2, 2.0)
    assert dealt(Ray(2), 2) == (2, 1, 1.0)
    assert dealt(Ray(2), 4) == (4, 1, 0.5)
    assert dealt(Ray(16, 8)) == (6, 4, 4.0)
    assert dealt(Ray(16, gpus=2), None, True)[0] == 2
    with pytest.raises(ProviderError, match="no processor"):
        dealt(Ray())
    with pytest.raises(ProviderError, match="no GPU"):
        dealt(Ray(2), None, True)


def test_without_ray_the_refusal_says_how_to_install_it(engine, monkeypatch):
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(RequestError, match=r"pip install 'i2i\[ray\]'"):
        job.OnRay(engine, OPTIONS)


def test_an_address_where_nothing_listens_is_said_at_once():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(ProviderError, match="No Ray cluster answers at 127.0.0.1"):
            cluster.check_answers(f"127.0.0.1:{held.getsockname()[1]}")


def test_one_picture_is_not_for_a_cluster(engine, tmp_path):
    one = pictures(tmp_path / "in", 1) / "0" / "0000.png"
    with pytest.raises(RequestError, match="Leave --engine out"):
        convert_folder(engine, one, tmp_path / "out.png", spread=object())
