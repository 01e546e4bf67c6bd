"""The server translates what is sent and nothing else; whatever is wrong gets its status and one sentence."""

from __future__ import annotations

import base64
import contextlib
import io
import re
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image
from small_models import write_model

from i2i.errors import PictureTooLargeError, RequestError
from i2i.serving.inference.engine import Engine
from i2i.serving.web.errors import MEANINGS
from i2i.serving.web.launch import bind, is_loopback
from i2i.serving.web.server import create_app, load_engines
from i2i.serving.web.service import ModelService

MAX_BYTES = 200_000


def picture_bytes(kind: str = "PNG", size=(13, 9), mode: str = "RGB", **options) -> bytes:
    values = np.random.default_rng(1).integers(0, 256, (size[1], size[0], len(mode)), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values.squeeze()).save(buffer, kind, **options)
    return buffer.getvalue()


def claimed_png(width: int, height: int) -> bytes:
    """A small file whose header claims a large picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(999))) + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module")
def client(serving, tmp_path_factory):
    """A client of a real server with two models."""
    folder = tmp_path_factory.mktemp("served")
    engines = {
        "invert": Engine(write_model(folder), device="cpu"),
        "large": Engine(write_model(folder, "enlarge", name="large", scale=3), device="cpu"),
    }
    app = create_app(engines, max_bytes=MAX_BYTES, max_pixels=1e6, max_result_pixels=1.5e6, page=False)
    with serving(app) as base, httpx.Client(base_url=base) as client:
        yield client


def visit(number: int) -> dict[str, str]:
    """Another client's, from the same address."""
    return {"x-session-id": f"visit {number}"}


def read_png(response: httpx.Response) -> np.ndarray:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.format == "PNG"
        return np.asarray(image)


def check_error(response: httpx.Response, status: int, text: str) -> None:
    assert response.status_code == status, response.text
    assert list(response.json()) == ["error"]
    sentence = response.json()["error"]
    assert re.search(text, sentence), sentence
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    assert "/" not in sentence.replace("/docs", "").replace("/v1/", "")  # no path of the machine


# What it does


@pytest.mark.parametrize(
    "content_type", ["image/png", "application/octet-stream", "application/x-www-form-urlencoded", None]
)
def test_picture_bytes_in_png_out_whatever_the_content_type_says(client, content_type):
    data = picture_bytes()
    headers = {"content-type": content_type} if content_type else {}
    answer = read_png(client.post("/v1/translate", content=data, headers=headers))
    np.testing.assert_array_equal(answer, 255 - np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("WEBP", "RGB"), ("TIFF", "RGB"), ("BMP", "RGB"), ("PNG", "L"), ("PNG", "RGBA")],
)
def test_every_kind_of_picture_is_taken(client, kind, mode):
    answer = read_png(client.post("/v1/translate", content=picture_bytes(kind, mode=mode)))
    assert answer.shape == (9, 13, 4 if mode == "RGBA" else 3)


def test_a_form_with_one_picture_gives_the_same(client):
    data = picture_bytes()
    raw = client.post("/v1/translate", content=data)
    form = client.post("/v1/translate", files={"image": ("any name.png", data)})
    assert form.status_code == 200
    assert form.content == raw.content


def test_the_model_is_chosen_by_name_and_the_first_is_taken_else(client):
    data = picture_bytes()
    assert read_png(client.post("/v1/translate", content=data)).shape == (9, 13, 3)
    assert read_png(client.post("/v1/translate?model=large", content=data)).shape == (27, 39, 3)


def test_sixteen_bits_in_are_sixteen_bits_out_and_rotation_is_applied_and_exif_dropped(client):
    deep = io.BytesIO()
    Image.fromarray(np.arange(117, dtype=np.uint16).reshape(9, 13) * 500).save(deep, "PNG")
    answer = client.post("/v1/translate", content=deep.getvalue())
    assert answer.content[24:26] == b"\x10\x02"  # 16 bits, RGB
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    answer = client.post("/v1/translate", content=picture_bytes("JPEG", exif=exif))
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (9, 13)
        assert not image.getexif()


def test_the_models_and_what_runs_them_are_listed(client):
    models = client.get("/v1/models").json()["models"]
    assert [m["id"] for m in models] == ["invert", "large"]
    assert models[1]["scale"] == 3
    assert {m["provider"] for m in models} == {"cpu"}
    assert "as asked" in models[0]["reason"]
    assert not [value for m in models for value in m.values() if "/tmp" in str(value)]


def test_health_and_the_description_of_the_api_are_there_and_need_no_other_server(client):
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health").status_code == 200
    assert client.get("/health/ready").json()["status"] == "ready"
    schema = client.get("/openapi.json").json()
    assert {"/v1/translate", "/v1/models", "/health/ready"} <= set(schema["paths"])
    assert "multipart/form-data" in schema["paths"]["/v1/translate"]["post"]["requestBody"]["content"]
    page = client.get("/docs")
    assert "curl --data-binary" in page.text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page.text)
    assert (
        "access-control-allow-origin" not in client.get("/v1/models", headers={"origin": "http://evil.example"}).headers
    )


# What it refuses


@pytest.mark.parametrize(
    ("content", "status", "text"),
    [
        (b"", 400, "no picture in it"),
        (b"I am a text file, not a picture.", 415, "not a JPEG, MPO, PNG"),
        (b'{"url": "http://127.0.0.1/secret.png"}', 415, "not a JPEG, MPO, PNG"),
        (b"/etc/passwd", 415, "not a JPEG, MPO, PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "is an SVG drawing"),
        (b"%PDF-1.4 something", 415, "is a PDF document"),
        (picture_bytes("PCX", mode="L"), 415, "is a PCX picture"),
        (picture_bytes("PNG", size=(90, 90))[:3000], 422, "damaged or cut short"),
        (claimed_png(20_000, 10_000), 413, "too large|200 megapixels"),
        (claimed_png(1001, 1000), 413, r"1\.1 megapixels .*limit is 1\. `i2i serve --max-megapixels` raises it"),
    ],
)
def test_what_is_no_fit_picture_gets_its_status_and_a_sentence(client, content, status, text):
    check_error(client.post("/v1/translate", content=content), status, text)


def test_the_result_of_an_enlarger_has_a_limit_of_its_own(client):
    within, beyond = (picture_bytes("PNG", size=size, mode="L") for size in [(400, 400), (410, 410)])
    assert read_png(client.post("/v1/translate?model=large", content=within)).shape == (1200, 1200)
    said = r"result at scale 3 has 1\.6 megapixels \(410x410 were sent\); the limit is 1\.5\. "
    said += "`i2i serve --max-result-megapixels` raises it; `i2i convert` .* no limit for results"
    check_error(client.post("/v1/translate?model=large", content=beyond), 413, said)
    assert client.post("/v1/translate", content=beyond).status_code == 200


def test_what_keeps_its_size_knows_no_limit_of_results(make_model):
    taken = ModelService(Engine(make_model(), device="cpu"), max_pixels=1e6, max_result_pixels=100)
    assert Image.open(io.BytesIO(taken.translate(picture_bytes(size=(13, 9))))).size == (13, 9)


def test_unknown_models_and_parameters_are_named(client):
    data = picture_bytes()
    check_error(client.post("/v1/translate?model=inverted", content=data), 404, "Did you mean 'invert'")
    check_error(client.post("/v1/translate?modl=invert", content=data), 400, "Did you mean 'model'")
    check_error(client.get("/v1/nothing"), 404, "There is no GET")


def test_other_methods_are_refused_with_those_that_there_are(client):
    answer = client.get("/v1/translate")
    check_error(answer, 405, "takes OPTIONS, POST, not GET")
    assert answer.headers["allow"] == "OPTIONS, POST"
    assert client.delete("/v1/models").headers["allow"] == "GET, HEAD, OPTIONS"
    for path in ("/v1/models", "/health", "/health/ready", "/docs", "/openapi.json"):
        head, options = client.head(path), client.options(path)
        assert head.status_code == 200
        assert head.content == b""
        assert int(head.headers["content-length"]) == len(client.get(path).content)
        assert options.status_code == 204
        assert "GET" in options.headers["allow"]


def test_the_description_names_every_answer_that_a_route_may_give(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths["/v1/translate"]["post"]["responses"]) == {"200", *map(str, MEANINGS)} - {"409", "507"}
    for operation in (operation for path in paths.values() for operation in path.values()):
        for status, response in operation["responses"].items():
            schemas = [content["schema"] for content in response.get("content", {}).values()]
            assert status == "200" or schemas[0]["required"] == ["error"]


@pytest.mark.parametrize(
    "form",
    [
        {"files": {"picture": ("a.png", picture_bytes())}},
        {"files": {"image": ("a.png", picture_bytes())}, "data": {"url": "http://127.0.0.1/"}},
        {"files": [("image", ("a.png", picture_bytes())), ("image", ("b.png", picture_bytes()))]},
        {"files": {"image": (None, "just text")}},
        {"files": {"image": ("a.png", b"")}},
        {"content": b"no boundary", "headers": {"content-type": "multipart/form-data"}},
    ],
)
def test_a_form_with_anything_else_in_it_is_refused(client, form):
    check_error(client.post("/v1/translate", **form), 400, "form|no picture")


@pytest.mark.parametrize("path", ["/v1/translate", "/v1/models", "/v1/anything"])
def test_a_body_over_the_limit_is_refused_with_and_without_a_declared_length(client, path):
    check_error(client.post(path, content=bytes(MAX_BYTES + 1)), 413, r"limit of 0\.19")
    at_most = 5 * MAX_BYTES
    sent = 0

    def chunks():
        nonlocal sent
        while sent < at_most:
            sent += 10_000
            yield bytes(10_000)

    if path == "/v1/translate":  # the others answer without reading
        check_error(client.post(path, content=chunks()), 413, "larger than the limit")
        assert sent <= at_most


def test_a_form_over_the_limit_is_refused(client):
    check_error(client.post("/v1/translate", files={"image": ("a", bytes(MAX_BYTES + 100_000))}), 413, "larger")


def test_a_body_at_the_limit_passes(client):
    check_error(client.post("/v1/translate", content=bytes(MAX_BYTES)), 415, "not a JPEG")
    check_error(client.post("/v1/translate", files={"image": ("a", bytes(MAX_BYTES))}), 415, "not a JPEG")


def test_an_unforeseen_failure_gives_no_trace_to_the_client(make_model, serving):
    engine = Engine(make_model(), device="cpu")
    engine.translate = None  # type: ignore[assignment, method-assign]
    with serving(create_app({"broken": engine}, page=False)) as base:
        check_error(httpx.post(f"{base}/v1/translate", content=picture_bytes()), 500, "its log says why")


def test_too_many_at_once_learn_when_to_come_back(make_model, serving):
    engine = Engine(make_model(), device="cpu")
    gate, plain = threading.Event(), engine.translate

    def slow(picture):
        gate.wait(20)
        return plain(picture)

    engine.translate = slow  # type: ignore[method-assign]
    app = create_app({"slow": engine}, max_waiting=2, page=False)
    with serving(app) as base, ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(httpx.post, f"{base}/v1/translate", content=picture_bytes(), timeout=30, headers=visit(n))
            for n in range(6)
        ]
        deadline = time.monotonic() + 10
        while sum(a.done() for a in asked) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert httpx.get(f"{base}/health/live").status_code == 200  # the event loop is free meanwhile
        gate.set()
        answers = [a.result() for a in asked]
    assert sorted(a.status_code for a in answers) == [200] * 3 + [429] * 3  # one at work, two waiting
    busy = next(a for a in answers if a.status_code == 429)
    check_error(busy, 429, "busy")
    assert int(busy.headers["retry-after"]) >= 1


def test_requests_at_the_same_time_do_not_mix(client):
    pictures = [picture_bytes("PNG", size=(10 + n, 9)) for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda data: read_png(client.post("/v1/translate", content=data)), pictures))
    for data, answer in zip(pictures, answers, strict=True):
        np.testing.assert_array_equal(answer, 255 - np.asarray(Image.open(io.BytesIO(data))))


def test_the_service_refuses_sizes_before_it_decodes(make_model):
    service = ModelService(Engine(make_model(), device="cpu"), max_pixels=1e6, max_result_pixels=1e6)
    before = time.monotonic()
    with pytest.raises(PictureTooLargeError):
        service.translate(claimed_png(12_000, 12_000))
    assert time.monotonic() - before < 0.5


def test_a_picture_is_decoded_and_encoded_while_another_is_computed(make_model, monkeypatch):
    engine = Engine(make_model(), device="cpu")
    gate, begun, decoded, run = threading.Event(), threading.Event(), [], engine._executor.whole.session.run

    class Slow:
        def run(self, names, feeds):
            begun.set()
            assert gate.wait(20)
            return run(names, feeds)

    taken = ModelService(engine, max_pixels=1e6, max_result_pixels=1e6)
    engine._executor.whole.session = Slow()
    plain = taken.decoder.picture
    monkeypatch.setattr(taken.decoder, "picture", lambda *a: decoded.append(1) or plain(*a))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(taken.translate, picture_bytes())
        assert begun.wait(20)
        second = pool.submit(taken.translate, picture_bytes("JPEG"))
        deadline = time.monotonic() + 10
        while len(decoded) < 2 and time.monotonic() < deadline:
            time.sleep(0.005)
        assert len(decoded) == 2
        assert not first.done()
        gate.set()
        assert first.result() != second.result()


def test_a_preview_is_the_picture_upright_in_eight_bits_and_within_the_same_limits(client, serving, make_model):
    deep = io.BytesIO()
    Image.fromarray(np.arange(117, dtype=np.uint16).reshape(9, 13) * 500).save(deep, "TIFF")
    app = create_app({"invert": Engine(make_model(), device="cpu")}, max_pixels=1000)
    with serving(app) as base:
        png = read_png(httpx.post(f"{base}/page/preview", content=deep.getvalue()))
        np.testing.assert_array_equal(png, np.rint(np.arange(117).reshape(9, 13) * 500 / 257))
        check_error(httpx.post(f"{base}/page/preview", content=b"no picture"), 415, "picture")
        check_error(httpx.post(f"{base}/page/preview", content=claimed_png(100, 11)), 413, "megapixels")
    assert client.post("/page/preview", content=deep.getvalue()).status_code == 404  # a server without the page


# Starting and stopping


def test_the_command_sets_both_limits_of_size(make_model):
    limits = ["--max-megapixels", "0.02", "--max-result-megapixels", "0.05"]
    command = [sys.executable, "-m", "i2i", "serve", str(make_model("enlarge", scale=2)), "--device", "cpu"]
    process = subprocess.Popen([*command, "--port", "0", *limits], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert "as asked" in process.stdout.readline()
        base = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
        answers = {side: httpx.post(f"{base}/v1/translate", content=picture_bytes(size=(side, side)), timeout=20)
                   for side in (110, 120, 150)}  # fmt: skip
        process.terminate()
        process.communicate(timeout=20)
    finally:
        process.kill()
    assert read_png(answers[110]).shape == (220, 220, 3)
    check_error(answers[120], 413, r"result at scale 2 .* limit is 0\.05\. `i2i serve --max-result-megapixels`")
    check_error(answers[150], 413, r"The picture has .* limit is 0\.02\. `i2i serve --max-megapixels`")


def test_a_taken_port_is_named_with_the_way_out():
    with contextlib.closing(bind("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RequestError, match=rf"Port {port} is in use.*--port {port + 1}"):
            bind("127.0.0.1", port)
    with pytest.raises(RequestError, match="no address of this machine"):
        bind("no such host", 7860)


def test_loopback_is_distinguished_from_the_rest():
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.2", "example.org"))


def test_models_of_one_name_get_different_ids_and_a_run_gives_both_directions(make_model, tmp_path):
    one, two = make_model(file="one/model.onnx"), make_model(file="two/model.onnx")
    assert list(load_engines([one, two])) == ["invert", "invert-2"]
    make_model(name="there", file="run/a2b.onnx")
    make_model(name="back", file="run/b2a.onnx")
    assert list(load_engines([tmp_path / "run"])) == ["there", "back"]
    assert list(load_engines([tmp_path / "run"], direction="b2a")) == ["back"]
    with pytest.raises(RequestError, match="no model to serve"):
        create_app({})


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (3, 10_000)])
def test_thin_pictures_count_as_what_the_network_is_fed(make_model, size):
    """Of 157 bytes, and some gigabytes of feature maps."""
    service = ModelService(Engine(make_model(smallest=128, multiple=64), device="cpu"), 1e6, 1e6)
    with pytest.raises(PictureTooLargeError, match=r"2\.6|1\.3 megapixels once it is grown to what the network takes"):
        service.translate(claimed_png(*size))


@pytest.mark.parametrize(
    ("body", "kind", "hint"),
    [
        (b'{"image": "aGVsbG8="}', "application/json", "looks like JSON"),
        (base64.b64encode(picture_bytes("JPEG")), "text/plain", "looks like base64"),
        (base64.b64encode(picture_bytes()), "text/plain", "looks like base64"),
        (
            picture_bytes().replace(b"\n", b"").replace(b"\r", b""),
            "application/x-www-form-urlencoded",
            "use --data-binary",
        ),
        (b"nothing known", "text/plain", "picture.$"),
    ],
)
def test_a_body_that_is_likely_a_mistake_gets_a_hint(client, body, kind, hint):
    check_error(client.post("/v1/translate", content=body, headers={"content-type": kind}), 415, hint)
