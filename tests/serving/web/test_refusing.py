"""Who is refused, why, and at what cost to the others."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from test_under_load import connected, png, request_line

from i2i.serving.inference.engine import Engine
from i2i.serving.web import admission as admissions
from i2i.serving.web.admission import Admission, BusyError, address_of
from i2i.serving.web.server import create_app


def test_sessions_of_one_address_leave_half_of_the_places_to_other_addresses(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("i2i.serving.web.admission.time.monotonic", lambda: now[0])
    admission = Admission(8)
    greedy = [admission.enter(f"10.0.0.1 made up {n}") for n in range(8)]  # nobody else is there
    assert admission.refusal("10.0.0.2 visit", 0) is not None
    greedy.pop().__exit__()
    with pytest.raises(BusyError, match="as many pictures here as one client may"):
        admission.enter("10.0.0.1 made up anew")
    modest = admission.enter("10.0.0.2 visit")  # has the place that was freed
    modest.__exit__()
    now[0] += admissions.LATELY + 1
    admission.enter("10.0.0.1 made up anew")  # the other one has left


def test_more_sessions_of_an_address_do_not_make_it_several(monkeypatch):
    admission = Admission(8)
    admission.refusal("10.0.0.2", 0)
    for n in range(4):
        admission.enter(f"10.0.0.1 {n}")
    assert admission.refusal("10.0.0.1 5", 0) is not None
    assert admission.refusal("10.0.0.3 5", 0) is None


@pytest.mark.parametrize(
    ("client", "address"),
    [
        ("192.168.0.1 visit", "192.168.0.1"),
        ("2001:db8:1:2:3:4:5:6 visit", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("testclient:1", "testclient:1"),
        (" visit", ""),
    ],
)
def test_one_machine_is_one_address(client, address):
    assert address_of(client) == address


def test_times_that_were_promised_are_no_more_than_there_are_places():
    admission = Admission(4)
    for n in range(4):
        admission.enter(str(n))
    waits = [admission.refusal(f"late {n}", 0).seconds for n in range(1000)]
    assert waits == sorted(waits)
    assert len(admission._promised) == 4


@pytest.fixture
def full(make_model, serving):
    """A server whose only place is taken by one who does not send its picture."""
    app = create_app({"a b": Engine(make_model(), device="cpu")}, max_waiting=0, page=False)
    with serving(app) as base:
        port = int(base.rpartition(":")[2])
        holder = connected(port, request_line())
        with httpx.Client(base_url=base, timeout=20, headers={"x-session-id": "another"}) as client:
            while client.post("/v1/translate", content=png(), headers={"x-session-id": "first"}).status_code != 429:
                time.sleep(0.01)
            yield client
        holder.close()


@pytest.mark.parametrize(
    "path",
    ["/v1/translate", "/v1/translate?model=a%20b", "/v2/models/a%20b/infer", "/v2/models/a%20b/versions/1/infer"],
)
def test_a_full_model_is_told_at_every_door_with_what_all_answers_have(full, path):
    answer = full.post(path, content=png())
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert list(answer.json()) == ["error"]
    assert {"x-request-id", "x-content-type-options", "content-security-policy"} <= set(answer.headers)


def test_what_needs_no_place_is_answered_by_a_full_server(full):
    assert full.get("/v1/models").status_code == 200
    assert full.post("/v1/translate?model=unknown", content=png()).status_code == 404
    assert full.post("/v2/models/unknown/infer", content=b"{}").status_code == 404
    assert full.post("/v1/translate", content=png(), headers={"host": "evil.example"}).status_code != 200


def test_who_asks_sooner_than_told_waits_for_the_refusal_and_nobody_else_does(full):
    def asked(visit: str) -> float:
        began = time.monotonic()
        assert full.post("/v1/translate", content=png(), headers={"x-session-id": visit}).status_code == 429
        return time.monotonic() - began

    assert asked("impatient") < 0.4
    with ThreadPoolExecutor(1) as pool:
        impatient = pool.submit(asked, "impatient")
        assert asked("new") < 0.4
        assert impatient.result() >= 0.5


def test_behind_a_proxy_on_this_machine_clients_have_the_addresses_that_it_passes_on(make_model, serving):
    app = create_app({"a": Engine(make_model(), device="cpu")}, max_waiting=3, page=False)
    with serving(app) as base, httpx.Client(base_url=base, timeout=20) as client:
        port, holders = int(base.rpartition(":")[2]), []

        def from_address(address: str, visit: int) -> dict[str, str]:
            return {"x-forwarded-for": address, "x-session-id": str(visit)}

        assert client.post("/v1/translate", content=png(), headers=from_address("10.0.0.2", 1)).status_code == 200
        for visit in (1, 2):  # two of four places, by those who do not send their picture
            told = b"".join(f"{n}: {v}\r\n".encode() for n, v in from_address("10.0.0.1", visit).items())
            holders.append(connected(port, request_line().removesuffix(b"\r\n") + told + b"\r\n"))
        inside, deadline = app.state.services["a"].admission, time.monotonic() + 10
        while inside.count < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        answer = client.post("/v1/translate", content=png(), headers=from_address("10.0.0.1", 3))
        assert "as many pictures here as one client may" in answer.json()["error"]
        assert client.post("/v1/translate", content=png(), headers=from_address("10.0.0.2", 4)).status_code == 200
        for holder in holders:
            holder.close()
