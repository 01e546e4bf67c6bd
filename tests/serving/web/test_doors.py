"""Who may use the server: by host, by the page that a request comes from, by key; and what the page's routes give away."""

from __future__ import annotations

import asyncio
import base64
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from small_models import write_model

from i2i.errors import RequestError
from i2i.serving import serve
from i2i.serving.inference.engine import Engine
from i2i.serving.web.doors import LOOPBACK, Doors, read_keys
from i2i.serving.web.server import create_app

KEY = "a key of thirty-two letters, 1234"


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    return {"invert": Engine(write_model(tmp_path_factory.mktemp("served")), device="cpu")}


@pytest.fixture(scope="module")
def local(serving, engines):
    """A server as `i2i serve` starts it on this machine alone, with the page."""
    with serving(create_app(engines, hosts=LOOPBACK, origins=["https://friend.example"])) as base:
        yield base


@pytest.fixture(scope="module")
def locked(serving, engines):
    with serving(create_app(engines, page=False, keys=[KEY, KEY + "2"])) as base:
        yield base


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", "[::2]:80"]
)
@pytest.mark.parametrize("path", ["/", "/v1/models", "/docs", "/page/facts"])
def test_a_name_that_is_not_this_machines_is_refused(host, path, local):
    answer = httpx.get(local + path, headers={"host": host})
    assert answer.status_code == 403
    assert "--allow-host" in answer.json()["error"]


def test_a_request_names_one_host(local):
    with socket.create_connection(("127.0.0.1", int(local.rpartition(":")[2])), timeout=20) as client:
        client.sendall(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]", "[::1]:7860"])
def test_this_machines_names_are_served(host, local):
    assert httpx.get(f"{local}/v1/models", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil", "http://127.0.0.1:1", "no url", "http://[::"]
)
def test_a_page_of_another_site_is_refused_before_its_picture_is_read(origin, local):
    answer = httpx.post(f"{local}/v1/translate", content=b"x", headers={"origin": origin, "content-type": "text/plain"})
    assert answer.status_code == 403
    assert "--allow-origin" in answer.json()["error"]


def test_our_own_page_and_a_friends_are_let_in(local):
    assert httpx.get(f"{local}/v1/models", headers={"origin": local}).status_code == 200
    friends = httpx.get(f"{local}/v1/models", headers={"origin": "https://friend.example"})
    assert friends.headers["access-control-allow-origin"] == "https://friend.example"
    behind_a_proxy = {"origin": "https://localhost", "host": "localhost"}  # which ended the TLS
    assert httpx.get(f"{local}/v1/models", headers=behind_a_proxy).status_code == 200


def test_a_websocket_does_not_go_past_the_doors():
    """A browser lets any page open one, to this machine's addresses too; the server has none."""
    sent: list[object] = []

    async def told(message):
        sent.append(message["type"])

    async def never(*_):
        raise AssertionError("the application was asked")

    asked = Doors(never, ["/v1/"])({"type": "websocket", "path": "/v1/x", "headers": []}, never, told)
    with ThreadPoolExecutor() as pool:  # a browser's tests have a loop running in this thread
        pool.submit(asyncio.run, asked).result()
    assert sent == ["websocket.close"]


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{key}".encode()).decode()


@pytest.mark.parametrize("given", [None, "Bearer", f"Bearer {KEY[:-1]}", basic("no"), "Basic ###", f"Digest {KEY}"])
def test_without_a_key_nothing_but_liveness_is_answered(given, locked):
    headers = {} if given is None else {"authorization": given}
    for path in ("/v1/models", "/docs", "/v1/translate"):
        answer = httpx.request("POST" if path.endswith("translate") else "GET", locked + path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert "Authorization: Bearer" in answer.json()["error"]
    assert httpx.get(f"{locked}/health/live", headers=headers).status_code == 200


@pytest.mark.parametrize("given", [f"Bearer {KEY}", f"bearer {KEY}2", basic(KEY)])
def test_any_of_the_keys_opens(given, locked):
    assert httpx.get(f"{locked}/v1/models", headers={"authorization": given}).status_code == 200


@pytest.mark.parametrize(
    ("text", "complaint"), [("# none\n\n", "no key"), ("short\n", "fewer than 16"), (None, "cannot be read")]
)
def test_keys_that_protect_nothing_are_refused(text, complaint, tmp_path):
    file = tmp_path / "keys"
    if text is not None:
        file.write_text(text)
    with pytest.raises(RequestError, match=complaint):
        read_keys(file)
    file.write_text(f"# ours\n{KEY}\n\n")
    assert read_keys(file) == [KEY]


def test_an_address_that_others_reach_needs_keys_or_a_word(make_model):
    with pytest.raises(RequestError, match="--api-key-file FILE.*--open-to-all"):
        serve([make_model()], host="0.0.0.0", port=0)


def test_every_answer_forbids_guessing_framing_and_other_hosts(local):
    for answer in (httpx.get(local), httpx.get(f"{local}/v1/models"), httpx.get(f"{local}/nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors" in answer.headers["content-security-policy"]


ROUTES = {
    "/", "/translate", "/generate", "/page/facts", "/page/examples/{model}/{number}/{what}", "/page/preview", "/page/{name:path}",
    "/v1/translate", "/v1/generate", "/v1/models", "/v1/models/{name}", "/v1/jobs/{name}",
    "/health", "/health/live", "/health/ready", "/docs", "/openapi.json",
    "/v2", "/v2/health/live", "/v2/health/ready", "/v2/repository/index",
    *(f"/v2/models/{{name}}{version}{what}" for version in ("", "/versions/{version}") for what in ("", "/ready", "/infer")),
}  # fmt: skip
"""What the application has; whatever a library adds to it is not let through."""


def test_the_routes_are_those_that_are_listed_and_no_other_is_let_through(engines, serving):
    app = create_app(engines, hosts=LOOPBACK)
    assert {getattr(route, "path", None) for route in app.routes} == ROUTES
    app.add_api_route("/gradio_api/file={path}", lambda path: path, methods=["GET", "POST"])
    with serving(app) as base, httpx.Client(base_url=base) as client:
        for path in (
            "/gradio_api/file=x",
            "/config",
            "/static/x",
            "/pages",
            "/page",
            "/v1",
            "/healthy",
            "/page/../x",
        ):
            for method in ("GET", "POST", "PUT", "DELETE"):
                assert client.request(method, path).status_code == 404, path
        assert client.post("/page/facts").status_code == client.put("/page/preview").status_code == 404
