"""What lies in deploy/ fits the server: its options exist, its dashboard asks for metrics that there are."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess

import httpx
import pytest
import typer
import yaml
from markdown import ROOT
from small_models import write_model

from i2i.commands import app as commands
from i2i.serving.inference.engine import Engine
from i2i.serving.web.server import create_app

DEPLOY = ROOT / "deploy"


def serve_options() -> set[str]:
    command = typer.main.get_command(commands).commands["serve"]
    return {name for option in command.params for name in option.opts}


def test_the_options_in_the_container_s_files_exist():
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    words = json.loads(re.search(r"^CMD (.*)$", dockerfile, re.MULTILINE)[1]) + compose["services"]["i2i"]["command"]
    used = {word for word in words if word.startswith("--")}
    assert len(used) > 5
    assert used <= serve_options()
    assert compose["services"]["i2i"]["build"]["dockerfile"] == "deploy/Dockerfile"
    assert yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"][0]["job_name"] == "i2i"


def test_the_container_runs_as_nobody_in_particular_and_writes_nowhere():
    assert re.search(r"^USER i2i$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["i2i"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(volume.endswith(":ro") for volume in service["volumes"])
    assert "ports" not in service  # nginx alone is reachable


def test_the_dashboard_asks_for_metrics_that_there_are(make_model):
    app = create_app({"invert": Engine(make_model(), device="cpu")}, page=False)
    there = {sample.name for metric in app.state.metrics.registry.collect() for sample in metric.samples}
    there |= {f"i2i_{name}_{end}" for name in ("request_seconds", "stage_seconds", "batch_pictures")
              for end in ("bucket", "sum", "count")} | {"i2i_requests_total", "i2i_rejections_total"}  # fmt: skip
    names = {metric.name for metric in app.state.metrics.registry.collect()}
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    asked = set(re.findall(r"\bi2i_\w+", json.dumps([target["expr"] for panel in dashboard["panels"]
                                                     for target in panel["targets"]])))  # fmt: skip
    assert len(asked) > 6
    assert asked <= there
    assert {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in asked} <= names
    assert [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]] == [
        (12 * (n % 2), 8 * (n // 2)) for n in range(len(dashboard["panels"]))
    ]


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed here")
def test_nginx_passes_the_page_uploads_and_events_on_below_a_prefix(serving, tmp_path):
    engine = Engine(write_model(tmp_path), device="cpu")
    with serving(create_app({"invert": engine}, hosts=["localhost"], root_path="/i2i")) as base:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        site = (DEPLOY / "nginx.conf").read_text().replace("i2i:7860", base.removeprefix("http://"))
        site = site.replace("listen 8080", f"listen 127.0.0.1:{port}")
        temporary = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
        whole = f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{ }} "
        whole += f"http {{ access_log off; client_body_temp_path {tmp_path}/body; {temporary} {site} }}"
        (tmp_path / "nginx.conf").write_text(whole)
        nginx = subprocess.Popen(["nginx", "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "error.log")])
        try:
            with httpx.Client(
                base_url=f"http://localhost:{port}/i2i", timeout=20, transport=httpx.HTTPTransport(retries=5)
            ) as client:
                page = client.get("/")
                assert page.status_code == 200
                for address in re.findall(r'(?:src|href)="([^"#]+\.(?:js|css))"', page.text):
                    assert client.get(f"/{address}").status_code == 200, address
                picture = httpx.get(f"{base}/page/examples/invert/0/picture", headers={"host": "localhost"}).content
                same = {"origin": f"http://localhost:{port}", "x-request-id": "through-nginx"}
                answer = client.post("/v1/translate", content=picture, headers=same)
                assert answer.status_code == 200, answer.text
                assert answer.headers["x-request-id"] == "through-nginx"
                assert client.get("/docs").status_code == client.get("/health/ready").status_code == 200
                with client.stream("GET", "/v1/jobs/none-such", timeout=5) as events:
                    assert next(events.iter_lines()).startswith("data: ")
                refused = client.post("/v1/translate", content=picture, headers={"origin": "http://evil.example"})
                assert refused.status_code == 403
        finally:
            nginx.terminate()
            nginx.wait(10)
