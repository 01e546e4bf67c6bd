"""The Python client: pictures in, translations out, and patience with a server that is busy or not there yet."""

from __future__ import annotations

import asyncio
import http.server
import io
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from small_models import write_model

from i2i.serving.client import AsyncClient, Client, ServerError
from i2i.serving.inference.engine import Engine
from i2i.serving.web.server import create_app

KEY = "a key of the right length"


@pytest.fixture(scope="module")
def base(serving, tmp_path_factory):
    engine = Engine(write_model(tmp_path_factory.mktemp("client")), device="cpu")
    with serving(create_app({"invert": engine}, page=False, keys=[KEY])) as base:
        yield base


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("sent") / "sketch.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (9, 13, 3), dtype=np.uint8)).save(path)
    return path


class Busy(http.server.BaseHTTPRequestHandler):
    """Busy twice, then done."""

    asked: ClassVar[list[float]] = []

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["content-length"]))
        self.asked.append(time.monotonic())
        done = len(self.asked) > 2
        body = b"a translation" if done else b'{"error": "The server is busy."}'
        self.send_response(200 if done else 429)
        self.send_header("retry-after", "1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def busy():
    server = http.server.HTTPServer(("127.0.0.1", 0), Busy)
    Busy.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_a_picture_s_file_or_path_or_bytes_give_its_translation(base, picture):
    expected = 255 - np.asarray(Image.open(picture))
    with Client(base, KEY) as client:
        assert [model["id"] for model in client.models()] == ["invert"]
        for sent in (picture, str(picture), picture.read_bytes()):
            answer = client.translate(sent, model="invert")
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(answer))), expected)
        assert Image.open(io.BytesIO(client.translate(picture, format="webp"))).format == "WEBP"


def test_the_client_for_asyncio_gives_the_same_for_many_at_once(base, picture):
    async def all_of_them() -> list[bytes]:
        async with AsyncClient(base, KEY) as client:
            assert len(await client.models()) == 1
            return await asyncio.gather(*(client.translate(picture) for _ in range(5)))

    with Client(base, KEY) as client:
        with ThreadPoolExecutor(1) as pool:  # this thread may have the loop of a browser's test
            answers = pool.submit(asyncio.run, all_of_them()).result(60)
        assert answers == [client.translate(picture)] * 5


def test_what_the_server_refuses_is_raised_with_its_sentence(base, picture):
    with Client(base, KEY) as client:
        with pytest.raises(ServerError, match="Did you mean 'invert'") as error:
            client.translate(picture, model="inverted")
        assert error.value.status_code == 404
        with pytest.raises(ServerError, match="not a JPEG"):
            client.translate(b"no picture")
        with pytest.raises(ServerError, match="Known: model"):
            client.translate(picture, label="winter")
    with Client(base, "another") as client, pytest.raises(ServerError, match="asks for a key"):
        client.models()


def test_a_busy_server_is_asked_again_when_it_says(busy):
    with Client(busy) as client:
        assert client.translate(b"a picture") == b"a translation"
    first, second, third = Busy.asked
    assert second - first >= 1
    assert third - second >= 1


def test_patience_ends(busy):
    with Client(busy, patience=0.5) as client, pytest.raises(ServerError, match="busy") as error:
        client.translate(b"a picture")
    assert error.value.status_code == 429
    assert len(Busy.asked) == 1


def test_a_server_that_is_not_there_is_said():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", patience=0.7) as client, pytest.raises(ServerError, match="not reached"):
        client.models()
