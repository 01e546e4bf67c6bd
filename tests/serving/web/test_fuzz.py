"""Whatever is sent, the server answers it with a picture or a sentence, soon and within its memory."""

from __future__ import annotations

import time

import amplifiers
import httpx
import pytest
from fuzzed_files import EXAMPLES, FILES, damaged, joined
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served_process import Served
from small_models import write_model

from i2i.images.formats import public_names

PATIENCE = 15
"""Seconds; 2 of the processor, which others use too."""
WHOLE = [data for name, data in FILES.items() if name.split(",")[0] in public_names()]
WHOLE += [
    amplifiers.JPEG,
    amplifiers.PROGRESSIVE,
    amplifiers.GIF,
    amplifiers.WEBP,
    amplifiers.png(),
    amplifiers.bare_tiff(),
]
WHOLE += [amplifiers.tiff(compression="lzw", rowsperstrip=8), amplifiers.tiff(tile=(16, 32)), amplifiers.AVIF]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(write_model(tmp_path_factory.mktemp("fuzz"))) as server, server.watched() as watch:
        server.client = httpx.Client(base_url=server.base, timeout=30)
        server.client.post("/v1/translate", content=amplifiers.JPEG)
        watch.before = watch.most
        yield server
        assert server.process.poll() is None
        server.client.close()
    assert watch.more < 300
    assert server.said == ""


def check(served, answer, began):
    assert time.monotonic() - began < PATIENCE
    if answer.status_code == 200:
        assert answer.content.startswith(b"\x89PNG")
        return
    assert answer.status_code in (400, 413, 415, 422), answer.text
    assert list(answer.json()) == ["error"]
    assert "\n" not in answer.json()["error"]


@settings(
    max_examples=EXAMPLES or 400, deadline=None, derandomize=not EXAMPLES, suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(data=st.sampled_from(WHOLE).flatmap(damaged) | st.tuples(*[st.sampled_from(WHOLE)] * 2).flatmap(joined))
def test_files_that_are_damaged_or_joined_are_answered(served, data):
    began = time.monotonic()
    check(served, served.client.post("/v1/translate", content=data), began)


def form(name, filename, data, boundary):
    head = f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'
    return head.encode() + data + f"\r\n--{boundary}--\r\n".encode()


@settings(
    max_examples=EXAMPLES or 150, deadline=None, derandomize=not EXAMPLES, suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(data=st.just(form("image", "a.png", amplifiers.png(), "x")).flatmap(damaged))
def test_forms_that_are_damaged_are_answered(served, data):
    began = time.monotonic()
    headers = {"content-type": "multipart/form-data; boundary=x"}
    check(served, served.client.post("/v1/translate", content=data, headers=headers), began)


TENSORS = (
    b'{"id":"a","inputs":[{"name":"image","datatype":"FP32","shape":[1,3,2,2],"parameters":{"binary_data_size":48}}],'
    b'"outputs":[{"name":"translation","parameters":{"binary_data":true}}],"parameters":{}}'
)


@settings(
    max_examples=EXAMPLES or 150, deadline=None, derandomize=not EXAMPLES, suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(head=st.just(TENSORS).flatmap(damaged), data=st.binary(max_size=60), length=st.integers(-1, 400))
def test_tensors_that_are_damaged_are_answered(served, head, data, length):
    began = time.monotonic()
    headers = {"inference-header-content-length": str(length)} if length >= 0 else {}
    answer = served.client.post("/v2/models/invert/infer", content=head + data, headers=headers)
    assert time.monotonic() - began < PATIENCE
    assert answer.status_code in (200, 400, 413), answer.text
