"""The page, /docs and uploads below a prefix, behind a real nginx."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time

import httpx
import pytest
from page_helpers import downloaded, give, opened, saved, translate

from i2i.serving.web.server import create_app

CONF = """
daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; client_max_body_size 33m;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port};
    location /i2i/ {{
      proxy_pass {upstream};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_request_buffering off;
    }}
  }}
}}
"""


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture(params=["the prefix is taken away", "the prefix is left"])
def proxied(request, serving, models, tmp_path):
    """The address below a prefix, as visitors have it."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        pytest.skip("there is no nginx here (Debian's package is nginx-light)")
    port = free_port()
    with serving(create_app(models, hosts=["127.0.0.1"], root_path="/i2i")) as base:
        upstream = base + ("/" if "away" in request.param else "")
        conf = tmp_path / "nginx.conf"
        conf.write_text(CONF.format(folder=tmp_path, port=port, upstream=upstream))
        process = subprocess.Popen([nginx, "-e", "stderr", "-c", str(conf)], stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/")
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/i2i"
        finally:
            process.terminate()
            process.wait(10)


def test_everything_works_below_a_prefix(proxied, browser, tmp_path):
    with opened(browser, f"{proxied}/") as page:
        picture = saved(tmp_path, "a.png", 3)
        give(page, picture)
        translate(page)
        got = downloaded(page, tmp_path).read_bytes()
        assert got == httpx.post(f"{proxied}/v1/translate", content=picture.read_bytes()).content
        page.get_by_role("button", name="As code").click()
        assert f"{proxied}/v1/translate?" in page.locator("#snippet").inner_text()
    docs = httpx.get(f"{proxied}/docs")
    assert f"{proxied}/v1/translate?model=" in docs.text
    assert httpx.get(f"{proxied}/openapi.json").json()["servers"] == [{"url": "/i2i"}]
    assert httpx.get(f"{proxied}/health/ready").status_code == 200
    assert httpx.get(f"{proxied}/nothing").status_code == 404
