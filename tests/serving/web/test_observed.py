"""Who runs a server sees what it does: metrics and access lines, and nothing of a picture in either."""

from __future__ import annotations

import io
import json
import re
import time

import httpx
import pytest
from small_models import write_model
from test_under_load import png

from i2i.errors import RequestError
from i2i.serving.inference.engine import Engine
from i2i.serving.web.launch import bind
from i2i.serving.web.observed import open_log, route_of
from i2i.serving.web.server import create_app


@pytest.fixture(scope="module")
def served(serving, tmp_path_factory):
    """(address, address of the metrics, the access log)."""
    log = io.StringIO()
    engine = Engine(write_model(tmp_path_factory.mktemp("observed")), device="cpu")
    app = create_app({"invert": engine}, page=False, access_log=log, keys=["a key of the right length"])
    listening = bind("127.0.0.1", 0)
    port = listening.getsockname()[1]
    listening.close()
    stop = app.state.metrics.serve("127.0.0.1", port)
    with serving(app) as base:
        yield base, f"http://127.0.0.1:{port}/metrics", log
    stop()


def metric(text: str, name: str) -> float:
    return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)[1])


def test_metrics_tell_answers_refusals_stages_and_batches(served):
    base, metrics, _ = served
    key = {"authorization": "Bearer a key of the right length"}
    for _ in range(2):
        assert httpx.post(f"{base}/v1/translate", content=png(), headers=key).status_code == 200
    assert httpx.post(f"{base}/v1/translate", content=b"no picture", headers=key).status_code == 415
    assert httpx.get(f"{base}/v1/models").status_code == 401
    text = httpx.get(metrics).text
    assert metric(text, 'i2i_requests_total{route="/v1/translate",status="200"}') == 2
    assert metric(text, 'i2i_rejections_total{reason="kind"}') == 1
    assert metric(text, 'i2i_rejections_total{reason="key"}') == 1
    for stage in ("decode", "queue", "inference", "encode"):
        assert metric(text, f'i2i_stage_seconds_count{{model="invert",stage="{stage}"}}') == 2
        assert metric(text, f'i2i_stage_seconds_sum{{model="invert",stage="{stage}"}}') >= 0
    assert metric(text, 'i2i_batch_pictures_count{model="invert"}') >= 2
    assert metric(text, 'i2i_pictures_inside{model="invert"}') == 0
    assert httpx.get(f"{base}/metrics", headers=key).status_code == 404  # not where clients are


def test_each_request_has_a_line_with_its_id_and_nothing_of_picture_or_key(served):
    base, _, log = served
    headers = {"authorization": "Bearer a key of the right length", "x-request-id": "request-17"}
    answer = httpx.post(f"{base}/v1/translate?model=invert", content=png(seed=5), headers=headers)
    assert answer.headers["x-request-id"] == "request-17"
    deadline = time.monotonic() + 10
    while "request-17" not in log.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)  # the line is written when the answer is sent
    line = json.loads(log.getvalue().splitlines()[-1])
    assert line.pop("milliseconds") > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line.pop("time"))
    assert line.pop("agent").startswith("python-httpx")
    assert line == {
        "id": "request-17", "client": "127.0.0.1", "method": "POST", "route": "/v1/translate", "model": "invert",
        "status": 200, "bytes_in": len(png(seed=5)), "bytes_out": len(answer.content),
    }  # fmt: skip
    assert "a key of" not in log.getvalue()


def test_labels_are_of_a_small_number():
    assert route_of("/v1/jobs/1234") == "/v1/jobs"
    assert route_of("/i2i/v1/translate", "/i2i") == "/v1/translate"
    assert {route_of(f"/{n}") for n in range(100)} == {"other"}


def test_a_log_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(RequestError, match="cannot be written"):
        open_log(tmp_path / "missing" / "access.log")
