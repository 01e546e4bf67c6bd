"""Whatever a client names, by whatever route, no address of it is looked up or connected to, and no file of it opened."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from urllib.parse import quote

import httpx
import pytest
from amplifiers import JPEG, chunk, into_jpeg, png, segment
from served_process import Served
from small_models import write_model
from test_doors import ROUTES

from i2i.serving.inference.engine import Engine
from i2i.serving.web.batches.store import Store
from i2i.serving.web.server import create_app

NAME = "named-by-a-client"
BATCHES = {"/v1/batches", "/v1/batches/{batch}", "/v1/batches/{batch}/events", "/v1/batches/{batch}/result"}
HEADERS = ("referer", "x-forwarded-host", "x-forwarded-for", "forwarded", "x-original-url", "x-rewrite-url", "cookie",
           "content-location", "link", "x-session-id", "accept", "user-agent", "range", "via", "destination")  # fmt: skip
FIELDS = ("url", "path", "image", "file", "model", "format", "callback", "label")


def addresses(file):
    """As many kinds as clients have for the same things; `file` is there."""
    host = f"{NAME}.example"
    return [f"http://{host}/a.png", f"https://{host}:8443/a", f"//{host}/a", f"ftp://{host}/a", f"file://{file}", str(file),
            f"{file.parent}/../{file.parent.name}/{file.name}", f"\\\\{host}\\share\\a.png", f"http://100.64.0.9/{NAME}",
            f"s3://{NAME}/a", f"data:image/png;base64,{NAME}", f"unix:///{NAME}"]  # fmt: skip


def bodies(address):
    """(content type, body) of requests that name it in their midst."""
    text, of_json = address.encode(), address.replace("\\", "\\\\")
    yield "text/plain", text
    yield "application/x-www-form-urlencoded", "&".join(f"{field}={quote(address)}" for field in FIELDS).encode()
    tensor = f'{{"name": "image", "datatype": "BYTES", "shape": [1], "data": ["{of_json}"]}}'
    yield (
        "application/json",
        f'{{"url": "{of_json}", "path": "{of_json}", "inputs": [{tensor}], "parameters": {{"label": "{of_json}"}}}}'.encode(),
    )
    yield (
        "image/svg+xml",
        b'<!DOCTYPE s [<!ENTITY e SYSTEM "' + text + b'">]><svg><image href="' + text + b'"/>&e;</svg>',
    )
    yield "image/png", png(chunk(b"tEXt", b"Source\0" + text) + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text))
    yield "image/jpeg", into_jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + text) + segment(0xFE, text))
    for field, name in (("image", address), ("images", address), (address, "a.jpg"), ("image", None)):
        filename = "" if name is None else f'; filename="{name}"'
        told = f'--x\r\ncontent-disposition: form-data; name="{field}"{filename}\r\ncontent-type: {address}\r\n\r\n'
        yield "multipart/form-data; boundary=x", told.encode() + (text if name is None else JPEG) + b"\r\n--x--\r\n"
    yield "message/external-body; access-type=URL; URL=" + address, text


def walk(base, named):
    """Every route with every address in every place where one may stand; the statuses that came."""
    seen = set()
    with httpx.Client(base_url=base, timeout=30) as client:

        def ask(method, path, **more):
            try:
                answer = client.send(client.build_request(method, path, **more))
            except httpx.InvalidURL:
                return
            assert answer.status_code < 500, (method, path, more)
            assert b"in the file" not in answer.content
            seen.add(answer.status_code)

        for address in named:
            for route in sorted(ROUTES | BATCHES):
                if route == "/v1/jobs/{name}":  # which waits for ten seconds
                    continue
                there = quote(address, safe="")
                path = re.sub(r"{[\w:]+}", there, route)
                query = "&".join(f"{field}={there}" for field in FIELDS)
                ask("GET", path, headers=dict.fromkeys(HEADERS, address))
                ask("GET", f"{path}?{query}")
                for kind, body in bodies(address) if "{" not in route or "infer" in route else ():
                    for method in ("POST", "PUT"):
                        ask(
                            method,
                            route.replace("{name}", "invert").replace("{version}", "1"),
                            content=body,
                            headers={"content-type": kind},
                        )
            for method in ("GET", "POST", "PROPFIND", "MOVE"):
                ask(method, f"/v1/translate?model={quote(address)}", headers={"destination": address})
                ask(method, "/" + quote(address))
    for line in (f"GET http://{NAME}.example/v1/models", f"CONNECT {NAME}.example:443", f"GET {named[0]}"):
        with socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])), timeout=20) as raw:
            raw.sendall(f"{line} HTTP/1.1\r\nhost: {NAME}.example\r\nconnection: close\r\n\r\n".encode())
            assert raw.recv(100).startswith(b"HTTP/1.1 ")
    return seen


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A picture that is no business of any client's."""
    path = tmp_path_factory.mktemp(NAME) / "private.png"
    path.write_bytes(png(chunk(b"tEXt", b"said\0in the file")))
    return path


HEARD: list[tuple[str, object]] = []
LISTENED = {"open", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.sendto",
            "subprocess.Popen", "os.exec", "os.posix_spawn", "os.listdir", "os.scandir", "urllib.Request"}  # fmt: skip


def test_no_route_opens_or_reaches_what_is_named(serving, tmp_path, file):
    """By what Python itself reports of the server's process."""
    listens = [False]

    def hear(event, arguments):
        if listens[0] and event in LISTENED:
            HEARD.append((event, arguments))

    sys.addaudithook(hear)  # for as long as the process lives
    app = create_app(
        {"invert": Engine(write_model(tmp_path), device="cpu")}, batches=Store(tmp_path / "b.sqlite", 1e8, 60)
    )
    with serving(app) as base:
        assert httpx.post(f"{base}/v1/translate", content=JPEG).status_code == 200  # its decoders have started
        listens[0] = True
        seen = walk(base, addresses(file)[::2])
        listens[0] = False
    assert {200, 202, 400, 404, 405, 415} <= seen
    assert len(HEARD) > 3  # our own connections
    for event, arguments in HEARD:
        assert NAME not in repr(arguments), (event, arguments)
        if event in ("socket.connect", "socket.getaddrinfo"):
            assert "127.0.0.1" in repr(arguments), arguments
        assert event not in ("subprocess.Popen", "os.exec", "os.posix_spawn", "socket.gethostbyname", "urllib.Request")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed here")
def test_no_process_of_the_server_calls_the_system_with_what_is_named(tmp_path, file):
    """By the system's calls of the server, its decoders and all libraries."""
    trace = tmp_path / "trace"
    tracer = ("strace", "-D", "-f", "--seccomp-bpf", "-s", "300", "-e", "trace=%file,connect", "-o", str(trace))
    if subprocess.run([*tracer, "true"], capture_output=True).returncode:
        pytest.skip("strace may not trace here")
    with Served(
        write_model(tmp_path), "--batches", str(tmp_path / "b.sqlite"), under=tracer, HOME=str(tmp_path)
    ) as served:
        walk(served.base, addresses(file)[1::2])
    lines = trace.read_text(errors="replace").splitlines()
    assert len(lines) > 100
    assert [line for line in lines if NAME in line] == []
    assert [line for line in lines if "connect(" in line and "AF_INET" in line] == []
