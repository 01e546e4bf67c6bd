"""`--engine ray` from and to an object store: moto's S3 on loopback, a cluster of this machine, a worker that is killed.

    pip install s3fs 'moto[server]'

in an environment of its own: s3fs wants an older python-dateutil than constraints.txt has.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_models import write_model
from test_on_ray import OPTIONS, convert_with_a_killed_worker

from i2i.serving import Engine, convert_folder
from i2i.serving.conversion.on_ray import job

MISSING = [name for name in ("ray", "s3fs", "moto", "flask") if find_spec(name) is None]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not installed")]
SECRET = "a-secret-that-nobody-may-read"


@pytest.fixture
def s3(monkeypatch):
    """A file system of fsspec's with a bucket `pictures`, on a server of this machine."""
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    store = s3fs.S3FileSystem()
    store.mkdir("pictures")
    yield store
    server.stop()


def put_pictures(store, count: int) -> None:
    rng = np.random.default_rng(0)
    for n in range(count):
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (300 + n % 7, 300, 3), np.uint8)).save(file, "PNG", compress_level=1)
        store.pipe_file(f"pictures/in/{n % 3}/{n:04}.png", file.getvalue())


def test_a_bucket_becomes_another_bucket_though_a_worker_is_killed(s3, tmp_path):
    engine = Engine(write_model(tmp_path), **OPTIONS)
    put_pictures(s3, 60)
    s3.pipe_file("pictures/in/broken.png", b"no picture")
    s3.get("pictures/in", str(tmp_path / "in"), recursive=True)
    plain = convert_folder(engine, tmp_path / "in", tmp_path / "plain")
    places = Path("s3://pictures/in"), Path("s3://pictures/out")
    report = convert_with_a_killed_worker(engine, *places, 8, report=tmp_path / "report.jsonl")
    assert report.counts == plain.counts == {"written": 60, "failed": 1}

    found = {name.removeprefix("pictures/out/"): s3.cat_file(name) for name in s3.find("pictures/out")}
    journal = found.pop(".i2i/journal.jsonl")
    wanted = {path.relative_to(tmp_path / "plain").as_posix(): path.read_bytes() for path in
              (tmp_path / "plain").glob("[0-9]/*")}  # fmt: skip
    assert found == wanted
    lines = [json.loads(line) for line in journal.splitlines()]
    assert Counter(line["target"] for line in lines if "target" in line) == dict.fromkeys(wanted, 1)
    assert SECRET.encode() not in journal + (tmp_path / "report.jsonl").read_bytes()

    again = convert_folder(engine, *places, spread=job.OnRay(engine, OPTIONS))
    assert again.counts == {"skipped": 60, "failed": 1}
    back = convert_folder(engine, places[1], tmp_path / "back", spread=job.OnRay(engine, OPTIONS))
    assert back.counts == {"written": 60}
